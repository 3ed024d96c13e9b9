"The page on which a visitor pastes a promoter."

"Promoters whose true expression is known."

"The look of the figures, drawings of networks, sequence logos."

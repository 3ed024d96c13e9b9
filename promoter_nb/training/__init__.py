"One loop for every network, device and recipe."

__version__ = "0.1.0"

import os

# Threads that wait for each other sleep instead of spinning: as fast on an idle machine, and several times as fast
# on one whose cores are shared. It has to be said before torch and LightGBM start their threads.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

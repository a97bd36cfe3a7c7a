"""Logs of the smallest detectable ratios of standard deviations.

Made by benchmarks/statistics/detectable_ratios.py; read by `power`.
"""

RATIO_SEEDS = (6, 7, 8, 10, 12, 15, 20, 30, 50)
RATIO_FAMILIES = (1, 2, 4, 8)
LOG_RATIOS = (  # a line for each number of seeds
    (2.408, 3.743, 3.743, 3.743),  # 6
    (1.861, 2.127, 2.428, 2.748),  # 7
    (1.561, 1.859, 1.972, 2.371),  # 8
    (1.239, 1.382, 1.529, 1.663),  # 10
    (1.096, 1.203, 1.301, 1.411),  # 12
    (0.937, 1.020, 1.107, 1.190),  # 15
    (0.782, 0.852, 0.921, 0.987),  # 20
    (0.617, 0.670, 0.723, 0.772),  # 30
    (0.465, 0.504, 0.542, 0.578),  # 50
)

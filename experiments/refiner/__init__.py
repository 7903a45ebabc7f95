"""The refiner's tables and figures: the Skeletor paper's Tables 1 to 4 and Figures 3 to 7 from our own data, and ours.

python -m experiments.refiner.run experiments/table1.yaml [--quick]
python -m experiments.refiner.figures
"""

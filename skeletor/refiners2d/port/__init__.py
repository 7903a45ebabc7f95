"""PORT, a network over the joints of one pose, as a 2D refiner (Chi, Chi, Chan, Ramani 2023).

`refiner` makes it known, without torch; `model` is PORT in use.
"""

"""The score of the diagnosis: trainings with planted causes, and how often they are named."""

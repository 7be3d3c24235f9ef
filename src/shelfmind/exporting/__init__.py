"""Export of runs to single files for engines other than MindSpore."""

"""What is in a data set and what is wrong with it: functions of images, labels and predictions, without MindSpore."""

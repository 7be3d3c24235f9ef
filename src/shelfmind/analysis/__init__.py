"""Analysis of a data set and its errors: functions of images, labels and predictions, without MindSpore."""

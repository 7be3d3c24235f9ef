"""What training, evaluation and prediction share: device, images on their way in, run folders, forward passes."""

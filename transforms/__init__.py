"""What is done to which sound: synchronous, pure, and the only home of PyAV."""

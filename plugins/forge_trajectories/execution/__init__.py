"""Where calls are executed: mock servers, simulators, recordings, models, and the faults put into them."""

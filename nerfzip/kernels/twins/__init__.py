"""The kernels in plain torch: specification, test oracle, and the form for devices without one of their own."""

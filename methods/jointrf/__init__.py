"""JointRF: dynamic radiance fields whose representation and compression are optimised jointly."""

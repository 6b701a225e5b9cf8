"""The whole of Foresite on the test cluster: what is deployed, and how it is asked and broken."""

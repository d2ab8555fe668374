"""Files, devices and processes of the machine."""

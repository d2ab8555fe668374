"""Files, devices, processes: what the machine is asked for, in one place."""

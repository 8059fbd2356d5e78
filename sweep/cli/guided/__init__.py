"""``visit``: the technician is led through a whole visit, and can leave and go on at any time."""

"""The maths: arrays in, arrays out, a kernel a file."""

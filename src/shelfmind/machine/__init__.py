"""The machine under the program: device, cores, threads that work ahead, and a doctor that looks at all."""

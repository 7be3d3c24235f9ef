"""Run folders: their files, provenance, rules and calibration."""

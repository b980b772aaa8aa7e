"""DICOMweb (PS3.18): films in by STOW-RS, films and results out by QIDO-RS and WADO-RS, for programs with a token."""

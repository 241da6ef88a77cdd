"""One runnable file a job; also the command line ``hrm-gym NAME``."""

"""From a Mail to a Decision: a pure function, the same in the daemon, the command line and the evaluation."""

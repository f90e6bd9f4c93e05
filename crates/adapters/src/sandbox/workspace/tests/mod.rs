mod folders;
mod format_tests;
mod hostile;
mod properties;
mod sizes;
mod support;

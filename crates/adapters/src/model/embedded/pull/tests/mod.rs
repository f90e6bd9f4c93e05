//! Downloads from a server and a `pip` of our own making.

mod parts_tests;
mod support;
mod url_tests;

//! `/v1/vaults/{vault}/credentials`.

mod object;

pub(crate) use object::CREDENTIAL;

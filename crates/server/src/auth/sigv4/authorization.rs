//! The header `Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
//!
//! Invariant: what was parsed has every part once, in its form; nothing of it was compared with
//! anything yet.

use axum::http::{HeaderMap, Uri, header};
use mainstay_protocol::ApiError;

use super::refused;

/// The only algorithm there is.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What every scheme of signed requests begins with.
const FAMILY: &str = "AWS4-";
/// How many bytes a signature has.
const SIGNATURE_BYTES: usize = 32;
/// The most headers that one signature covers.
const MAX_SIGNED_HEADERS: usize = 64;

/// What a request says of its signature.
pub(super) struct Authorization<'a> {
    /// The access key's id.
    pub(super) key: &'a str,
    /// The day that the key is narrowed to, `YYYYMMDD`.
    pub(super) day: &'a str,
    /// The region, which means nothing here.
    pub(super) region: &'a str,
    /// The service.
    pub(super) service: &'a str,
    /// The names of the headers that the signature covers, in their order.
    pub(super) signed_headers: Vec<&'a str>,
    /// The signature.
    pub(super) signature: [u8; SIGNATURE_BYTES],
}

/// Whether a request says that it is signed, in this way or in one that is refused.
pub(in crate::auth) fn is_signed(headers: &HeaderMap, uri: &Uri) -> bool {
    let scheme = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    match scheme {
        Some(value) => value.starts_with(FAMILY.as_bytes()),
        None => is_presigned(uri),
    }
}

fn is_presigned(uri: &Uri) -> bool {
    let mut pairs = uri.query().unwrap_or_default().split('&');
    pairs.any(|pair| pair.to_ascii_lowercase().starts_with("x-amz-algorithm="))
}

impl<'a> Authorization<'a> {
    /// Reads the header.
    pub(super) fn parse(headers: &'a HeaderMap) -> Result<Self, ApiError> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(refused(
                "signatures in the query (presigned URLs) are not taken; sign the headers, in one \
                 Authorization header",
            ));
        };
        let text = value.to_str().map_err(|_| malformed("is not plain text"))?;
        let (algorithm, rest) = text.split_once(' ').unwrap_or((text, ""));
        if algorithm != ALGORITHM {
            return Err(refused(format!("{algorithm:?} is not {ALGORITHM}, which alone is taken")));
        }
        let (mut credential, mut signed, mut signature) = (None, None, None);
        for part in rest.split(',') {
            let (name, value) =
                part.trim().split_once('=').ok_or_else(|| malformed("has a part without '='"))?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed,
                "Signature" => &mut signature,
                _ => return Err(malformed("has a part that is not known")),
            };
            if place.replace(value).is_some() {
                return Err(malformed("has a part twice"));
            }
        }
        let (Some(credential), Some(signed), Some(signature)) = (credential, signed, signature)
        else {
            return Err(malformed("lacks Credential, SignedHeaders or Signature"));
        };
        let [key, day, region, service] = scope(credential)?;
        let (signed_headers, signature) = (names(signed)?, bytes(signature)?);
        Ok(Self { key, day, region, service, signed_headers, signature })
    }

    /// Whether the signature covers this header.
    pub(super) fn signs(&self, name: &str) -> bool {
        self.signed_headers.binary_search(&name).is_ok()
    }
}

fn scope(credential: &str) -> Result<[&str; 4], ApiError> {
    let parts: Vec<&str> = credential.split('/').collect();
    match parts.as_slice() {
        [key, day, region, service, "aws4_request"]
            if day.len() == 8 && parts.iter().all(|part| !part.is_empty()) =>
        {
            Ok([key, day, region, service])
        }
        _ => Err(malformed("has a Credential that is not ID/YYYYMMDD/REGION/SERVICE/aws4_request")),
    }
}

/// Sorted and without repetition, as the algorithm wants them: a name cannot be found twice.
fn names(signed: &str) -> Result<Vec<&str>, ApiError> {
    let names: Vec<&str> = signed.split(';').collect();
    let is_plain = |name: &&str| {
        !name.is_empty() && !name.bytes().any(|b| b.is_ascii_uppercase() || b.is_ascii_whitespace())
    };
    if names.len() > MAX_SIGNED_HEADERS {
        return Err(malformed("signs too many headers"));
    }
    if !names.iter().all(is_plain) || !names.is_sorted_by(|one, next| one < next) {
        return Err(malformed("has SignedHeaders that are not sorted lower-case names"));
    }
    Ok(names)
}

fn bytes(signature: &str) -> Result<[u8; SIGNATURE_BYTES], ApiError> {
    let mut bytes = [0; SIGNATURE_BYTES];
    hex::decode_to_slice(signature, &mut bytes)
        .map_err(|_| malformed("has a Signature that is not 64 hexadecimal digits"))?;
    Ok(bytes)
}

fn malformed(what: &str) -> ApiError {
    refused(format!("the header Authorization {what}"))
}

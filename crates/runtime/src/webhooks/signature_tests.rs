use super::*;

/// The example of the Standard Webhooks specification.
#[test]
fn signatures_are_those_of_the_standard() {
    let secret = SecretText::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
    let secret = WebhookSecret::parse(secret).expect("a secret");
    let signature =
        secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_eq!(secret.hint(), "whsec_…LaSw");
}

#[test]
fn what_is_no_secret_is_none() {
    for text in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_***"] {
        assert!(WebhookSecret::parse(SecretText::from(text.to_owned())).is_none(), "{text:?}");
    }
}

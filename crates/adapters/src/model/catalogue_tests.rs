use super::{Catalogue, Price, TokenCounts};

#[test]
fn names_lose_vendors_and_dates() {
    let catalogue = Catalogue::built_in();
    let cases = [
        ("gpt-4o", Some("gpt-4o")),
        ("gpt-4o-2024-11-20", Some("gpt-4o")),
        ("gpt-4.1-2025-04-14", Some("gpt-4.1")),
        ("openai/gpt-5", Some("gpt-5")),
        ("claude-opus-4-5", Some("claude-opus-4-5")),
        ("claude-opus-4-5-20251101", Some("claude-opus-4-5")),
        ("claude-opus-4-5-latest", Some("claude-opus-4-5")),
        ("gpt-4o-mini-realtime", None),
        ("gpt-4o-202411", None),
        ("scripted", None),
        ("ü-2024-11-20", None),
        ("", None),
    ];
    for (name, known) in cases {
        assert_eq!(catalogue.find(name).map(|model| model.name.as_str()), known, "{name}");
    }
}

#[test]
fn every_known_model_makes_sense() {
    let catalogue = Catalogue::built_in();
    let date: Vec<usize> = catalogue.date().split('-').map(str::len).collect();
    assert_eq!(date, [4, 2, 2], "{}", catalogue.date());
    assert!(!catalogue.source().is_empty());
    assert!(catalogue.models.len() >= 12);
    for model in catalogue.models.values() {
        let Price { input, cached_input, output, .. } = model.price;
        assert!(output > input, "{}", model.name);
        assert!(cached_input.is_none_or(|cached| cached < input), "{}", model.name);
        assert!(model.context_tokens > model.max_output_tokens, "{}", model.name);
        assert!(model.long_prompt.is_none_or(|long| long.price.input > input), "{}", model.name);
    }
}

#[test]
fn an_answer_costs_the_sum_of_its_tokens() {
    let price = Price {
        input: 2_000_000,
        cached_input: Some(500_000),
        cache_write: Some(2_500_000),
        output: 8_000_000,
    };
    let plain = Price { cached_input: None, cache_write: None, ..price };
    let tokens = |input, cached_input, cache_write, output| TokenCounts {
        input,
        cached_input,
        cache_write,
        output,
        reasoning: 0,
    };
    let cases = [
        (price, tokens(0, 0, 0, 0), 0),
        (price, tokens(1, 0, 0, 0), 2),
        (price, tokens(1, 1, 0, 0), 1),
        (price, tokens(1_000_000, 400_000, 100_000, 1_000), 1_000_000 + 200_000 + 250_000 + 8_000),
        (plain, tokens(1_000_000, 400_000, 100_000, 0), 2_000_000),
        // Counts that contradict each other.
        (price, tokens(1, 2, 3, 0), 1 + 8),
        (price, tokens(u64::MAX, 0, 0, u64::MAX), u64::MAX),
    ];
    for (price, tokens, cost) in cases {
        assert_eq!(price.cost_microusd(tokens), cost, "{tokens:?}");
    }
}

#[test]
fn a_long_prompt_costs_more() {
    let catalogue = Catalogue::built_in();
    let model = catalogue.find("gpt-5.4").expect("it is known");
    let cost = |input| model.cost_microusd(TokenCounts { input, ..TokenCounts::default() });
    assert_eq!(cost(272_000), 680_000);
    assert_eq!(cost(272_001), 1_360_005);
}

#[test]
fn a_catalogue_with_unknown_members_is_refused() {
    let text = "date = \"2026-01-01\"\nsource = \"s\"\nmodel = []\nmore = 1\n";
    assert!(Catalogue::parse(text).is_err());
}

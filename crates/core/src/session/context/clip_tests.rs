use proptest::prelude::*;

use super::*;

fn text(text: &str) -> Content {
    Content::Text { text: text.to_owned() }
}

proptest! {
    #[test]
    fn a_clipped_text_fits_its_cap(text in "(a|é|漢|\n){0,600}", max_bytes in 0_usize..700) {
        let clipped = clip(&text, max_bytes);
        prop_assert!(clipped.len() <= max_bytes);
        prop_assert_eq!(clipped == text, text.len() <= max_bytes);
    }
}

#[test]
fn a_clipped_text_keeps_both_ends_and_says_what_is_missing() {
    let long = format!("begin{}end", "x".repeat(1_000));
    let clipped = clip(&long, 200);
    assert!(clipped.starts_with("begin") && clipped.ends_with("end"), "{clipped}");
    assert!(clipped.contains("bytes left out"), "{clipped}");
}

#[test]
fn all_parts_of_an_output_share_one_cap() {
    let big = "x".repeat(MAX_TOOL_OUTPUT_BYTES);
    let kept = capped(vec![text("first"), text(&big), text(&big)]);
    let bytes = |part: &Content| match part {
        Content::Text { text } => text.len(),
        Content::Image { url } => url.len(),
    };
    assert_eq!(kept[0], text("first"));
    assert!(kept.iter().map(bytes).sum::<usize>() <= MAX_TOOL_OUTPUT_BYTES);
}

#[test]
fn parts_and_images_have_caps_too() {
    let kept = capped(vec![text("a"); MAX_TOOL_OUTPUT_PARTS + 3]);
    assert_eq!(kept.len(), MAX_TOOL_OUTPUT_PARTS + 1);
    assert_eq!(kept.last(), Some(&text("[3 parts left out]")));

    let image = |bytes: usize| Content::Image { url: "x".repeat(bytes) };
    let kept = capped(vec![image(10), image(MAX_TOOL_IMAGE_BYTES + 1)]);
    assert_eq!(kept, vec![image(10), text("[an image of 4194305 bytes left out]")]);
}

//! `mainstay config`: where settings come from, and what is said of those that are none.

use crate::support::Home;

/// A file and an environment, and what `config check` says of them.
async fn check(name: &str, file: &str, environment: &[(&str, &str)]) {
    let home = Home::new();
    home.write("mainstay.toml", file);
    let said = home.run(&["config", "check", "--config", "mainstay.toml"], environment).await;
    insta::assert_snapshot!(format!("config_{name}"), said.shown());
}

#[tokio::test]
async fn what_is_refused() {
    check("unknown_setting", "[server]\nlisten = \"127.0.0.1:1\"\nlisen = 3\n", &[]).await;
    check("unknown_section", "\n[serverr]\nx = 1\n", &[]).await;
    check("wrong_type", "[limits]\n\nmax_requests = \"many\"\n", &[]).await;
    check("no_toml", "[limits\n", &[]).await;
    check("nothing_allowed", "[limits]\nmax_requests = 0\n", &[]).await;
    check("unknown_kind", "[[providers]]\nname = \"a\"\nkind = \"opnai\"\n", &[]).await;
    check("host", "[tools]\nprivate_hosts_allowed = [\"http://x\"]\n", &[]).await;
    let set = [("MAINSTAY_SERVER__LISEN", "1")];
    check("unknown_variable", "", &set).await;
    let set = [("MAINSTAY_LIMITS__MAX_REQUESTS", "many")];
    check("wrong_type_of_variable", "[limits]\nmax_requests = 3\n", &set).await;
    check("no_url", "", &[("OPENAI_BASE_URL", "nonsense")]).await;
}

#[tokio::test]
async fn what_holds() {
    check("empty", "", &[]).await;
    check("stranger", "", &[("MAINSTAY_LISTEN", "1"), ("OPENAI_API_KEY", "sk-1")]).await;
}

#[tokio::test]
async fn secrets_are_never_printed() {
    const SECRET: &str = "sk-0123456789";
    let provider = "[[providers]]\nname = \"a\"\nkind = \"openai\"\n";
    let referred = format!("{provider}api_key = {{ env = \"TOKEN\" }}\n");
    let cases = [
        (referred.clone(), Some(0)),
        (format!("{referred}headers = {{ x-key = {{ env = \"TOKEN\" }} }}\n"), Some(0)),
        (format!("{provider}api_key = \"{SECRET}\"\n"), Some(2)),
        (format!("{provider}headers = {{ Authorization = \"Bearer {SECRET}\" }}\n"), Some(2)),
        (format!("{provider}base_url = \"https://me:{SECRET}@host/v1\"\n"), Some(2)),
    ];
    let home = Home::new();
    for (file, code) in cases {
        home.write("mainstay.toml", &file);
        for command in ["check", "print"] {
            let arguments = ["config", command, "--config", "mainstay.toml"];
            let set = [("TOKEN", SECRET), ("OPENAI_API_KEY", SECRET)];
            let said = home.run(&arguments, &set).await;
            assert_eq!(said.code, code, "{file}: {}", said.shown());
            assert!(!said.shown().contains(SECRET), "{file}: {}", said.shown());
        }
    }
}

/// The last of these settings is in force.
#[tokio::test]
async fn each_place_overrides_the_one_before() {
    let home = Home::new();
    home.write("mainstay.toml", "[data]\ndir = \"of-the-file\"\n");
    let dir = async |arguments: &[&str], environment: &[(&str, &str)]| {
        let said = home.run(&[&["config", "print"], arguments].concat(), environment).await;
        let line = said.stdout.lines().find(|line| line.starts_with("dir = ")).map(str::to_owned);
        line.unwrap_or_else(|| panic!("no folder in {}", said.shown()))
    };
    let file = ["--config", "mainstay.toml"];
    let variable = [("MAINSTAY_DATA__DIR", "of-the-environment")];
    let flag = ["--config", "mainstay.toml", "--data-dir", "of-the-flag"];
    assert_eq!(dir(&[], &[]).await, "dir = \"[HOME]/.local/share/mainstay\"");
    assert_eq!(dir(&file, &[]).await, "dir = \"of-the-file\"");
    assert_eq!(dir(&[], &[("MAINSTAY_CONFIG", "mainstay.toml")]).await, "dir = \"of-the-file\"");
    assert_eq!(dir(&file, &variable).await, "dir = \"of-the-environment\"");
    assert_eq!(dir(&flag, &variable).await, "dir = \"of-the-flag\"");
}

#[tokio::test]
async fn the_users_own_file_is_read() {
    let home = Home::new();
    std::fs::create_dir_all(home.path(".config/mainstay")).expect("a folder");
    home.write(".config/mainstay/mainstay.toml", "[server]\nlisten = \"127.0.0.1:77\"\n");
    let said = home.run(&["config", "print"], &[]).await;
    assert!(said.stdout.contains("127.0.0.1:77"), "{}", said.shown());
}

#[tokio::test]
async fn what_is_printed_can_be_read_again() {
    let home = Home::new();
    for command in ["example", "print"] {
        let printed = home.run(&["config", command], &[("OPENAI_API_KEY", "sk-1")]).await;
        home.write("again.toml", &printed.stdout);
        let arguments = ["config", "check", "--config", "again.toml"];
        let said = home.run(&arguments, &[("OPENAI_API_KEY", "sk-1")]).await;
        assert_eq!(said.code, Some(0), "{command}: {}", said.shown());
    }
}

/// With the `#` before settings taken away, the example holds every setting of the schema.
#[tokio::test]
async fn the_example_has_every_setting() {
    let home = Home::new();
    let example = home.run(&["config", "example"], &[]).await.stdout;
    let schema = home.run(&["config", "schema"], &[]).await.stdout;
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("the schema is JSON");
    for (section, of) in schema["properties"].as_object().expect("sections") {
        let Some(definition) = of["$ref"].as_str().and_then(|path| path.strip_prefix('#')) else {
            continue;
        };
        let settings = schema.pointer(definition).expect("a definition")["properties"].as_object();
        for name in settings.expect("settings").keys() {
            let is_there = example.contains(&format!("\n{name} = "))
                || example.contains(&format!("# {name} = "))
                || example.contains(&format!("# [{section}.{name}."));
            assert!(is_there, "the example has no {section}.{name}");
        }
    }
}

//! pip and npm, installing through the proxy from registries of the test.

use std::path::Path;

use bytes::Bytes;
use tempfile::TempDir;

use super::support::{Bench, Roots, Upstream, allow, secret};

/// Writes a wheel and an npm package, as small as they can be.
const MAKE: &str = r#"
import io, json, sys, tarfile, zipfile
folder = sys.argv[1]
with zipfile.ZipFile(folder + "/tiny-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("tiny.py", "answer = 42\n")
    info = "tiny-1.0.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "RECORD", "tiny.py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n")
with tarfile.open(folder + "/tiny-1.0.0.tgz", "w:gz") as package:
    text = json.dumps({"name": "tiny", "version": "1.0.0", "main": "index.js"}).encode()
    for name, content in [("package.json", text), ("index.js", b"module.exports = 42\n")]:
        member = tarfile.TarInfo("package/" + name)
        member.size = len(content)
        package.addfile(member, io.BytesIO(content))
"#;

async fn run(program: &str, arguments: &[&str], env: &[(&str, &str)], folder: &Path) -> String {
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).current_dir(folder).kill_on_drop(true);
    // What the host says about proxies and certificates is not what the machine has.
    let proxies = ["HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "https_proxy"];
    let certificates =
        ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"];
    for name in proxies.into_iter().chain(certificates) {
        command.env_remove(name);
    }
    match command.envs(env.iter().copied()).output().await {
        Ok(output) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            format!("{}{}", text(&output.stdout), text(&output.stderr))
        }
        Err(error) => panic!("{program} must be installed: {error}"),
    }
}

struct Registry {
    upstream: Upstream,
    bench: Bench,
    folder: TempDir,
}

const TOKEN: &str = "npm-token-that-stays-here";

impl Registry {
    /// A registry that may be reached at its own name alone.
    async fn start(has_secret: bool) -> Self {
        let roots = Roots::new();
        let upstream = Upstream::tls(&["registry.test"], &roots).await;
        let port = upstream.port;
        let host = format!("registry.test:{port}");
        let token = secret("NPM_TOKEN", TOKEN, &[&host]);
        let secrets: &[_] = if has_secret { &[token] } else { &[] };
        let bench = Bench::with_roots(&allow(&[&host]), secrets, &["registry.test"], &roots);
        let folder = tempfile::tempdir().expect("a folder");
        let made = folder.path().to_str().expect("text").to_owned();
        let said = run("python3", &["-c", MAKE, &made], &[], folder.path()).await;
        assert_eq!(said, "", "the packages are made");
        let read = |name: &str| Bytes::from(std::fs::read(folder.path().join(name)).expect("made"));
        let index = "<a href='/files/tiny-1.0-py3-none-any.whl'>tiny-1.0-py3-none-any.whl</a>";
        let listed = serde_json::json!({
            "name": "tiny",
            "dist-tags": {"latest": "1.0.0"},
            "versions": {"1.0.0": {
                "name": "tiny", "version": "1.0.0",
                "dist": {"tarball": format!("https://{host}/files/tiny-1.0.0.tgz")},
            }},
        });
        {
            let mut files = upstream.files.lock().expect("not poisoned");
            files.insert("/simple/tiny/".to_owned(), Bytes::from_static(index.as_bytes()));
            files.insert("/tiny".to_owned(), Bytes::from(listed.to_string()));
            for name in ["tiny-1.0-py3-none-any.whl", "tiny-1.0.0.tgz"] {
                files.insert(format!("/files/{name}"), read(name));
            }
        }
        let pem = if has_secret { bench.proxy.ca_certificate_pem() } else { &roots.pem };
        std::fs::write(folder.path().join("trusted.pem"), pem).expect("it is written");
        Self { upstream, bench, folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("text").to_owned()
    }
}

#[tokio::test]
async fn pip_installs_from_an_allowed_index_and_says_why_not_from_another() {
    let registry = Registry::start(false).await;
    let door = registry.bench.door().await;
    let proxy = format!("http://{}", door.address);
    let env = [
        ("HTTPS_PROXY", proxy.as_str()),
        ("PIP_CERT", &registry.path("trusted.pem")),
        ("PIP_CONFIG_FILE", "/dev/null"),
        ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
        ("PIP_NO_CACHE_DIR", "1"),
        ("PIP_NO_INDEX", "0"),
        ("PIP_FIND_LINKS", ""),
        // pip says why it was refused when it tries again.
        ("PIP_RETRIES", "1"),
    ];
    let index = format!("https://registry.test:{}/simple/", registry.upstream.port);
    let target = registry.path("site");
    let install = ["-m", "pip", "install", "--target", &target, "--index-url"];
    let said =
        run("python3", &[&install[..], &[&index, "tiny"]].concat(), &env, registry.folder.path())
            .await;
    assert!(said.contains("Successfully installed tiny-1.0"), "{said}");
    assert!(registry.folder.path().join("site/tiny.py").is_file());
    let other = ["https://elsewhere.test/simple/", "tiny"];
    let said =
        run("python3", &[&install[..], &other[..]].concat(), &env, registry.folder.path()).await;
    assert!(said.contains("403 Mainstay: elsewhere.test:443 is not among the hosts"), "{said}");
}

#[tokio::test]
async fn npm_installs_with_a_token_that_it_does_not_have() {
    let registry = Registry::start(true).await;
    let door = registry.bench.door().await;
    let proxy = format!("http://{}", door.address);
    let host = format!("registry.test:{}", registry.upstream.port);
    let settings = format!(
        "registry=https://{host}/\n//{host}/:_authToken=mainstay-secret-NPM_TOKEN\n\
         audit=false\nfund=false\nupdate-notifier=false\nfetch-retries=0\n"
    );
    std::fs::write(registry.path("npmrc"), settings).expect("it is written");
    std::fs::write(registry.path("package.json"), "{}").expect("it is written");
    let env = [
        ("HTTPS_PROXY", proxy.as_str()),
        ("NPM_CONFIG_USERCONFIG", &registry.path("npmrc")),
        ("NPM_CONFIG_CACHE", &registry.path("cache")),
        ("NPM_CONFIG_CAFILE", &registry.path("trusted.pem")),
    ];
    let said = run("npm", &["install", "tiny"], &env, registry.folder.path()).await;
    assert!(said.contains("added 1 package"), "{said}");
    assert!(registry.folder.path().join("node_modules/tiny/index.js").is_file());
    let asked = registry.upstream.asked();
    assert!(asked.iter().any(|asked| {
        asked.headers.get("authorization").is_some_and(|value| *value == format!("Bearer {TOKEN}"))
    }));
    let lock = std::fs::read_to_string(registry.path("package-lock.json")).expect("it is there");
    assert!(!lock.contains(TOKEN), "{lock}");
}

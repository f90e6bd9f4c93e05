//! Two machines side by side see nothing of each other.

use super::support::{Host, printed};

/// What one machine leaves for others to find.
pub(in crate::sandbox) const LEAVE: &str = r#"
echo mine > /workspace/mine; echo mine > /tmp/mine; echo mine > /dev/shm/mine
(python3 -c '
import socket, sys, time
one, two = socket.socket(), socket.socket(socket.AF_UNIX)
one.bind(("127.0.0.1", 5000)); two.bind("\0mine")
one.listen(); two.listen()
open("/workspace/listens", "w").close()
time.sleep(1000)' mine >/dev/null 2>&1 &)
while [ ! -e /workspace/listens ]; do :; done
ipcmk -M 4096 >/dev/null
"#;

/// What another one finds of it.
pub(in crate::sandbox) const LOOK: &str = r#"
ls /workspace /tmp /dev/shm
cat /proc/*/cmdline 2>/dev/null | tr '\0' ' ' | grep -c '[m]ine'
ipcs -m | grep -c 4096
python3 -c '
import socket
for family, address in [(socket.AF_INET, ("127.0.0.1", 5000)), (socket.AF_UNIX, "\0mi" + "ne")]:
    try:
        socket.socket(family).connect(address)
        print("connected")
    except OSError as error:
        print(error.strerror)'
"#;

#[tokio::test]
async fn machines_side_by_side_see_nothing_of_each_other() {
    let host = Host::new().await;
    let (one, other) = (host.start("m1").await, host.start("m2").await);
    one.text(LEAVE).await;
    insta::assert_snapshot!(printed(&other.shell(LOOK).await), @r"
    /dev/shm:

    /tmp:

    /workspace:
    0
    0
    Connection refused
    Connection refused
    ");
    assert_eq!(one.text("cat /workspace/mine /tmp/mine").await, "mine\nmine");
    host.end(one).await;
    assert_eq!(other.text("echo it goes on").await, "it goes on");
    host.end(other).await;
}

use super::without_programs;

#[test]
fn a_librarys_list_of_files_does_not_name_this_machine() {
    let rest = "idna/cli.py,sha256=a,1\nbin_of_it/x,sha256=b,2\n";
    for program in ["../../bin/idna,sha256=c,3\n", "bin/idna,sha256=c,3\n"] {
        assert_eq!(without_programs(&format!("{program}{rest}")), rest);
    }
}

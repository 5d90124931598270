//! The report in a browser: Chromium without a screen, which `CHROMIUM` names or the path has.
//! Without one this test is skipped, and says so.
//!
//! With `REPORT_SHOTS=DIR` it also leaves what it looks like in DIR: on a desk, light and
//! dark, on a phone, and printed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

mod fixture;

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// The browser, if there is one.
fn browser() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return Some(path.into());
    }
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths)
        .flat_map(|dir| NAMES.map(|name| dir.join(name)))
        .find(|path| path.is_file())
}

/// Opens `page` with `flags`, as a browser that has never been used.
fn open(browser: &Path, page: &Path, flags: &[&OsStr]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut profile = std::ffi::OsString::from("--user-data-dir=");
    profile.push(home.path());
    let mut url = std::ffi::OsString::from("file://");
    url.push(page);
    Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            "--hide-scrollbars",
        ])
        .arg(profile)
        .args(flags)
        .arg(url)
        .env("HOME", home.path())
        .output()
        .unwrap()
}

/// The page as it stands after it was read, and what its console says.
fn read(browser: &Path, page: &Path) -> (String, Vec<String>) {
    let output = open(browser, page, &["--dump-dom".as_ref()]);
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(dom.contains("</html>"), "nothing was read: {said}");
    let console = said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned);
    (dom, console.collect())
}

/// For each window of so many pixels, its width, the page's in it, and what is wider; of a
/// page that fits nothing is.
///
/// A page around them measures: the report itself runs nothing, and lets nobody in.
fn overflow<const N: usize>(
    browser: &Path,
    dir: &Path,
    page: &str,
    widths: [u32; N],
) -> Vec<String> {
    let inner = page.replace('&', "&amp;").replace('"', "&quot;");
    let frames = widths.map(|width| {
        format!(
            "<iframe style=\"border:0;width:{width}px;height:3000px\" srcdoc=\"{inner}\"></iframe>"
        )
    });
    let around = dir.join("around.html");
    let text = format!(
        "<!doctype html><html><body>{}<script>onload=()=>{{\
         document.title=Array.from(frames,(f,at)=>{{\
         const d=f.document,e=d.documentElement,w={widths:?}[at];\
         let o='';for(const n of d.querySelectorAll('body *')){{\
         if(n.closest('.box,pre,svg')&&!n.matches('.box,pre,svg'))continue;\
         if(n.getBoundingClientRect().right>w+.5)o=n.tagName+'.'+n.className}}\
         return e.clientWidth+' '+e.scrollWidth+' '+o}}).join('|')}}</script></body></html>",
        frames.concat()
    );
    fs::write(&around, text).unwrap();
    let (dom, _) = read(browser, &around);
    let title = dom.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next());
    title.expect("the page around it has measured").split('|').map(str::to_owned).collect()
}

/// The drawings of a page, one text each.
fn drawings(page: &str) -> impl Iterator<Item = &str> {
    page.split("<svg ").skip(1).filter_map(|rest| rest.split("</svg>").next())
}

fn marks(drawing: &str) -> usize {
    ["<polyline", "<polygon", "<circle", "<rect", "<path"]
        .iter()
        .map(|mark| drawing.matches(mark).count())
        .sum()
}

#[test]
fn a_browser_shows_every_picture_and_has_nothing_to_complain_of() {
    let Some(browser) = browser() else {
        println!("SKIPPED: there is no Chromium: neither CHROMIUM nor on the path: {NAMES:?}");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    fixture::keep(&fixture::everything(1), &run);
    let path = run.join("report.html");
    let page = fs::read_to_string(&path).unwrap();

    let (dom, console) = read(&browser, &path);
    assert!(console.is_empty(), "{console:?}");
    assert!(drawings(&dom).count() >= 26, "{}", drawings(&dom).count());
    for drawing in drawings(&dom) {
        assert!(marks(drawing) >= 3, "an empty picture: {drawing}");
    }

    // The page itself refuses what it has no need of: what sneaks in is seen on the console.
    let foreign = "<main><img src=\"http://127.0.0.1:9/x.png\"><script>document.title='x'</script>\
                   <link rel=\"stylesheet\" href=\"http://127.0.0.1:9/x.css\">";
    let path_of_foreign = dir.path().join("foreign.html");
    fs::write(&path_of_foreign, page.replacen("<main>", foreign, 1)).unwrap();
    let (_, console) = read(&browser, &path_of_foreign);
    for what in ["x.png", "inline script", "x.css"] {
        let refused =
            |line: &String| line.contains("Content Security Policy") && line.contains(what);
        assert!(console.iter().any(refused), "{what}: {console:?}");
    }

    let widths = [320, 360, 600, 1000];
    let fits = widths.map(|width| format!("{width} {width} "));
    assert_eq!(overflow(&browser, dir.path(), &page, widths), fits, "wider than its window");
    // And the measure sees what is too wide.
    let wide = page.replacen("<main>", "<main><div class=\"far\" style=\"width:400px\">x</div>", 1);
    let found = &overflow(&browser, dir.path(), &wide, [360])[0];
    assert!(found.starts_with("360 4") && found.ends_with("DIV.far"), "{found}");

    // Side by side with a run of another machine.
    let mut other = fixture::everything(2);
    other.machine.cores = 128;
    fixture::keep(&other, &dir.path().join("other"));
    let both = dir.path().join("both.html");
    let written = Command::new(env!("CARGO_BIN_EXE_stress"))
        .current_dir(dir.path())
        .args(["report", "run", "other", "--out", "both.html"])
        .status();
    assert!(written.unwrap().success());
    let (dom, console) = read(&browser, &both);
    assert!(console.is_empty(), "{console:?}");
    assert!(drawings(&dom).all(|drawing| marks(drawing) >= 3));
    let page = fs::read_to_string(&both).unwrap();
    assert_eq!(overflow(&browser, dir.path(), &page, [360]), ["360 360 "]);

    if let Some(shots) = std::env::var_os("REPORT_SHOTS") {
        shoot(&browser, &path, Path::new(&shots), "");
        shoot(&browser, &both, Path::new(&shots), "both-");
    }
}

/// Leaves pictures of the page in `shots`, their names after `prefix`.
fn shoot(browser: &Path, page: &Path, shots: &Path, prefix: &str) {
    fs::create_dir_all(shots).unwrap();
    let place = |name: &str| shots.join(format!("{prefix}{name}"));
    fs::copy(page, place("report.html")).unwrap();
    let flag = |name: &str, path: &Path| {
        let mut flag = std::ffi::OsString::from(name);
        flag.push(path);
        flag
    };
    for (name, scheme) in [("light.png", 1), ("dark.png", 0)] {
        let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
        let shot = flag("--screenshot=", &place(name));
        open(browser, page, &[&shot, "--window-size=1000,11000".as_ref(), scheme.as_ref()]);
        assert!(place(name).is_file(), "{name}");
    }
    // A window cannot be as narrow as a phone, a frame can.
    let inner = fs::read_to_string(page).unwrap().replace('&', "&amp;").replace('"', "&quot;");
    let style = "border:0;width:390px;height:11000px";
    let frame = place("phone.html");
    fs::write(&frame, format!("<iframe style=\"{style}\" srcdoc=\"{inner}\"></iframe>")).unwrap();
    let shot = flag("--screenshot=", &place("phone.png"));
    open(browser, &frame, &[&shot, "--window-size=500,11000".as_ref()]);
    let print = flag("--print-to-pdf=", &place("print.pdf"));
    open(browser, page, &[&print, "--no-pdf-header-footer".as_ref()]);
    assert!(place("print.pdf").is_file());
}

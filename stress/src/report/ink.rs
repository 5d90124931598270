//! Colours, and how a drawing follows the reader's light or dark scheme.
//!
//! The library draws in fixed colours. So each ink is drawn in a colour that stands for it
//! and occurs nowhere else, and [`dress`] puts the name of a CSS variable in its place, with
//! the dashes that tell two lines apart where their colours do not. What the variables are
//! is said once, in [`css`], for pages and for pictures that stand alone.

use std::fmt::Write as _;

use plotters::style::RGBColor;

/// What something is drawn in. The colours of data are from Okabe and Ito's palette, which
/// colour-blind readers can tell apart, a little darker on white and lighter on black.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Text.
    Text,
    /// Text of less weight.
    Quiet,
    /// The lines behind the data.
    Grid,
    /// A region that is set off.
    Shade,
    /// What the page is.
    Paper,
    Blue,
    Vermilion,
    Green,
    Purple,
    Amber,
    Sky,
    /// Where nothing happens: closed, healthy.
    Calm,
    /// Turned away.
    Grey,
}

/// Ink, the variable's name, its colour on white and on black.
const INKS: [(Ink, &str, &str, &str); 13] = [
    (Ink::Text, "--text", "#1d2329", "#e4e7ea"),
    (Ink::Quiet, "--quiet", "#59636e", "#a0a9b3"),
    (Ink::Grid, "--grid", "#e3e6e9", "#2c3238"),
    (Ink::Shade, "--shade", "#f1f2f4", "#1e2328"),
    (Ink::Paper, "--paper", "#ffffff", "#14181c"),
    (Ink::Blue, "--blue", "#0a66b0", "#5eb3f0"),
    (Ink::Vermilion, "--vermilion", "#c8501a", "#f08a55"),
    (Ink::Green, "--green", "#00805e", "#35c79d"),
    (Ink::Purple, "--purple", "#a94c86", "#e094c4"),
    (Ink::Amber, "--amber", "#b87f00", "#edbb45"),
    (Ink::Sky, "--sky", "#4a90b8", "#9ad3f2"),
    (Ink::Calm, "--calm", "#b9d3e6", "#2f4f66"),
    (Ink::Grey, "--grey", "#b4bac1", "#5c656e"),
];

/// How a line is broken, so that it can be told from another without its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Dash {
    #[default]
    Solid,
    Long,
    Short,
    Mixed,
    /// No line at all: marks alone.
    None,
}

const DASHES: [(Dash, &str); 4] =
    [(Dash::Solid, ""), (Dash::Long, "16 8"), (Dash::Short, "4 6"), (Dash::Mixed, "16 6 4 6")];

impl Ink {
    /// The colour that stands for it.
    pub(super) fn drawn(self) -> RGBColor {
        self.dashed(Dash::Solid)
    }

    /// The colour that stands for it in a broken line.
    pub(super) fn dashed(self, dash: Dash) -> RGBColor {
        let ink = INKS.iter().position(|&(ink, ..)| ink == self).unwrap_or(0);
        let dash = DASHES.iter().position(|&(known, _)| known == dash).unwrap_or(0);
        RGBColor(1, 2 + dash as u8, 100 + ink as u8)
    }
}

/// Puts the names of the variables where the colours are that stand for them.
pub(super) fn dress(svg: &str) -> String {
    let mut dressed = svg.to_owned();
    for (ink, name, ..) in INKS {
        for (dash, gaps) in DASHES {
            let RGBColor(r, g, b) = ink.dashed(dash);
            let stands = format!("\"#{r:02X}{g:02X}{b:02X}\"");
            if gaps.is_empty() {
                dressed = dressed.replace(&stands, &format!("\"var({name})\""));
                continue;
            }
            let line = format!("stroke=\"var({name})\" stroke-dasharray=\"{gaps}\"");
            dressed = dressed
                .replace(&format!("stroke={stands}"), &line)
                .replace(&stands, &format!("\"var({name})\""));
        }
    }
    dressed
}

/// The variables, for readers of light and of dark schemes, and for paper.
pub(super) fn css() -> String {
    let set = |of: fn(&(Ink, &str, &'static str, &'static str)) -> &'static str| {
        INKS.iter().fold(String::new(), |mut set, ink| {
            let _ = write!(set, "{}:{};", ink.1, of(ink));
            set
        })
    };
    let (light, dark) = (set(|ink| ink.2), set(|ink| ink.3));
    format!(":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ink_has_a_colour_of_its_own_and_none_is_left_in_a_dressed_drawing() {
        let mut svg = String::new();
        for (ink, ..) in INKS {
            for (dash, _) in DASHES {
                let RGBColor(r, g, b) = ink.dashed(dash);
                let colour = format!("#{r:02X}{g:02X}{b:02X}");
                assert!(!svg.contains(&colour), "{ink:?} {dash:?}");
                let _ = write!(svg, "<a fill=\"{colour}\" stroke=\"{colour}\"/>");
            }
        }
        let dressed = dress(&svg);
        assert!(!dressed.contains('#'), "{dressed}");
        assert_eq!(dressed.matches("var(--").count(), 2 * INKS.len() * DASHES.len());
        assert_eq!(dressed.matches("stroke-dasharray").count(), INKS.len() * 3);
        for (_, name, ..) in INKS {
            assert!(css().matches(&format!("{name}:")).count() == 2);
        }
    }

    #[test]
    fn a_colour_in_a_text_is_a_text() {
        let text = "<text>#010264 &quot;#010264&quot;</text>";
        assert_eq!(dress(text), text);
    }
}

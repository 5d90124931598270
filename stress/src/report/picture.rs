//! A picture: a legend, and panels under each other, drawn as wide as it is to be seen.
//!
//! Every picture is drawn twice, for a desk or paper and for a phone: one drawing made
//! smaller could not be read on the other. Positions are in half pixels, since the library
//! draws on whole ones.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, IntoFont as _, ShapeStyle, TextStyle};

use super::chart::Chart;
use super::ink::{self, Dash, Ink};
use super::rows::{Bars, Strips};
use super::words;
use crate::program::Failure;

/// Positions to a pixel.
pub(super) const FINE: f64 = 2.0;
/// Left and right of what has an axis, in pixels.
pub(super) const LEFT: f64 = 58.0;
pub(super) const RIGHT: f64 = 14.0;
/// A letter's width at the usual size, about.
pub(super) const LETTER: f64 = 6.5;
/// A line of text.
pub(super) const LINE: f64 = 18.0;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// For whom it is drawn: how many pixels it is wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Desk,
    Phone,
}

impl Width {
    pub(super) fn pixels(self) -> f64 {
        match self {
            Self::Desk => 760.0,
            Self::Phone => 360.0,
        }
    }
}

/// What stands for a figure that was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Marker {
    #[default]
    None,
    Disc,
    Square,
    Triangle,
    Diamond,
    Cross,
}

/// How something is drawn; two of one picture differ in more than the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) ink: Ink,
    pub(super) dash: Dash,
    pub(super) marker: Marker,
    /// A surface, not a line.
    pub(super) filled: bool,
}

impl Style {
    pub(super) const fn line(ink: Ink, dash: Dash, marker: Marker) -> Self {
        Self { ink, dash, marker, filled: false }
    }

    pub(super) const fn surface(ink: Ink) -> Self {
        Self { ink, dash: Dash::Solid, marker: Marker::None, filled: true }
    }

    pub(super) fn stroke(self, width: f64) -> ShapeStyle {
        self.ink.dashed(self.dash).stroke_width(at(width) as u32)
    }
}

/// A line of the legend.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) style: Style,
}

#[derive(Clone, Debug)]
pub(super) enum Panel {
    Chart(Chart),
    Strips(Strips),
    Bars(Bars),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Picture {
    pub(super) keys: Vec<Key>,
    pub(super) panels: Vec<Panel>,
}

/// A drawing that did not come about; the library's own words.
pub(super) fn failed(why: impl std::fmt::Display) -> Failure {
    Failure(format!("a picture could not be drawn: {why}"))
}

/// Pixels in half pixels.
pub(super) fn at(pixels: f64) -> i32 {
    (pixels * FINE).round() as i32
}

/// A point of the picture.
pub(super) fn point(x: f64, y: f64) -> (i32, i32) {
    (at(x), at(y))
}

/// How a text is written: the library makes it smaller than it is asked to.
pub(super) fn text(ink: Ink, pixels: f64, horizontal: HPos) -> TextStyle<'static> {
    ("sans-serif", pixels * FINE * 1.24)
        .into_font()
        .color(&ink.drawn())
        .pos(Pos::new(horizontal, VPos::Center))
}

impl Picture {
    /// Draws it; `title` is its name for those who cannot see it, `id` its own on the page.
    pub(super) fn draw(&self, width: Width, id: &str, title: &str) -> Result<String, Failure> {
        let (svg, size) = self.plain(width)?;
        let mark = if width == Width::Desk { "wide" } else { "narrow" };
        let title = escaped(&words::clean(title));
        Ok(format!(
            "<svg class=\"{mark}\" viewBox=\"0 0 {} {}\" width=\"{}\" height=\"{}\" role=\"img\" \
             aria-labelledby=\"{id}-{mark}\"><title id=\"{id}-{mark}\">{title}</title>{svg}</svg>",
            at(size.0),
            at(size.1),
            size.0,
            size.1,
        ))
    }

    /// The same as a file of its own: its title above, `below` what it was made from, colours
    /// and background in it.
    pub(super) fn alone(&self, title: &str, below: &str) -> Result<String, Failure> {
        const ABOVE: f64 = 40.0;
        let (svg, size) = self.plain(Width::Desk)?;
        let [title, below] = [title, below].map(|text| escaped(&words::clean(text)));
        let (width, height) = (size.0 + 32.0, size.1 + ABOVE + 34.0);
        let (foot, inset, down) = (at(height - 12.0), at(16.0), at(ABOVE));
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" aria-labelledby=\"t d\">\n<title id=\"t\">{title}\
             </title>\n<desc id=\"d\">{below}</desc>\n<style>{}text{{font-family:system-ui,\
             -apple-system,\"Segoe UI\",Roboto,sans-serif}}</style>\n<rect width=\"100%\" \
             height=\"100%\" rx=\"16\" fill=\"var(--paper)\"/>\n<text x=\"{inset}\" y=\"{}\" \
             font-size=\"30\" font-weight=\"600\" fill=\"var(--text)\">{title}</text>\n<g \
             transform=\"translate({inset},{down})\">{svg}</g>\n<text x=\"{inset}\" y=\"{foot}\" \
             font-size=\"20\" fill=\"var(--quiet)\">{below}</text></svg>\n",
            at(width),
            at(height),
            ink::css(),
            at(26.0),
        ))
    }

    /// What is within the drawing, and its size in pixels.
    fn plain(&self, width: Width) -> Result<(String, (f64, f64)), Failure> {
        let rows = self.legend(width.pixels());
        let top = rows.len() as f64 * LINE + if rows.is_empty() { 0.0 } else { 6.0 };
        let height = top + self.panels.iter().map(|panel| panel.height(width)).sum::<f64>();
        let size = (width.pixels(), height.max(LINE));
        let mut svg = String::new();
        {
            let backend = SVGBackend::with_string(&mut svg, (at(size.0) as u32, at(size.1) as u32));
            let root = backend.into_drawing_area();
            for (row, keys) in rows.iter().enumerate() {
                for &(x, key) in keys {
                    draw_key(&root, x, (row as f64 + 0.5) * LINE, key)?;
                }
            }
            let mut rest = root.split_vertically(at(top)).1;
            for panel in &self.panels {
                let (area, below) = rest.split_vertically(at(panel.height(width)));
                match panel {
                    Panel::Chart(chart) => chart.draw(&area, size.0)?,
                    Panel::Strips(strips) => strips.draw(&area, size.0)?,
                    Panel::Bars(bars) => bars.draw(&area, size.0)?,
                }
                rest = below;
            }
            root.present().map_err(failed)?;
        }
        // The drawing's own tag says nothing that is wanted here.
        let inside = svg.find('>').map_or("", |end| &svg[end + 1..]);
        let inside = inside.trim_end().trim_end_matches("</svg>");
        Ok((ink::dress(inside), size))
    }

    /// Where each key stands: rows of keys, as many a row as there is room for.
    fn legend(&self, width: f64) -> Vec<Vec<(f64, &Key)>> {
        let mut rows: Vec<Vec<(f64, &Key)>> = Vec::new();
        let mut x = f64::INFINITY;
        for key in &self.keys {
            let long = 36.0 + key.name.chars().count() as f64 * LETTER + 14.0;
            if x + long > width {
                rows.push(Vec::new());
                x = 4.0;
            }
            if let Some(row) = rows.last_mut() {
                row.push((x, key));
            }
            x += long;
        }
        rows
    }
}

impl Panel {
    fn height(&self, width: Width) -> f64 {
        match self {
            Self::Chart(chart) => chart.height,
            Self::Strips(strips) => strips.height(),
            Self::Bars(bars) => bars.height(width.pixels()),
        }
    }
}

fn draw_key(root: &Area<'_>, x: f64, y: f64, key: &Key) -> Result<(), Failure> {
    let style = key.style;
    if style.filled {
        let corners = [point(x, y - 5.0), point(x + 24.0, y + 5.0)];
        root.draw(&Rectangle::new(corners, style.ink.drawn().filled())).map_err(failed)?;
    } else {
        let line = vec![point(x, y), point(x + 24.0, y)];
        if style.dash != Dash::None {
            root.draw(&PathElement::new(line, style.stroke(2.0))).map_err(failed)?;
        }
        draw_marker(root, point(x + 12.0, y), style)?;
    }
    let words = text(Ink::Text, 12.0, HPos::Left);
    root.draw(&Text::new(key.name.clone(), point(x + 30.0, y), words)).map_err(failed)
}

/// Draws the mark of a figure that was taken, in half pixels.
pub(super) fn draw_marker(root: &Area<'_>, at_: (i32, i32), style: Style) -> Result<(), Failure> {
    let (x, y) = at_;
    let r = at(3.6);
    let full = style.ink.drawn().filled();
    let around = |corners: &[(i32, i32)]| {
        Polygon::new(corners.iter().map(|&(dx, dy)| (x + dx, y + dy)).collect::<Vec<_>>(), full)
    };
    match style.marker {
        Marker::None => Ok(()),
        Marker::Disc => root.draw(&Circle::new(at_, r, full)),
        Marker::Square => root.draw(&Rectangle::new([(x - r, y - r), (x + r, y + r)], full)),
        Marker::Triangle => root.draw(&around(&[(0, -r - 2), (r + 1, r), (-r - 1, r)])),
        Marker::Diamond => root.draw(&around(&[(0, -r - 3), (r + 3, 0), (0, r + 3), (-r - 3, 0)])),
        Marker::Cross => {
            let pen = style.ink.drawn().stroke_width(at(1.8) as u32);
            let stroke = |dy| PathElement::new(vec![(x - r, y - dy), (x + r, y + dy)], pen);
            root.draw(&stroke(r)).and_then(|()| root.draw(&stroke(-r)))
        }
    }
    .map_err(failed)
}

/// As a text within SVG or HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

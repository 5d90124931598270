//! A chart: curves over two axes.

use std::ops::Range;

use plotters::chart::{ChartBuilder, LabelAreaPosition};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::element::{PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::HPos;
use plotters::style::{Color as _, TRANSPARENT};

use super::axis::Axis;
use super::ink::{Dash, Ink};
use super::picture::{
    Area, LEFT, LETTER, LINE, Marker, RIGHT, Style, at, draw_marker, failed, point, text,
};
use crate::program::Failure;

/// More points than this on a line are not to be told apart.
const MOST_POINTS: usize = 1_200;

/// One figure: where, how much, and from what to what its repetitions' middle half lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dot {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) middle: Option<(f64, f64)>,
    /// In doubt: drawn with a hole.
    pub(super) doubtful: bool,
}

impl Dot {
    pub(super) fn new((x, y): (f64, f64)) -> Self {
        Self { x, y, middle: None, doubtful: false }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) style: Style,
    pub(super) dots: Vec<Dot>,
}

#[derive(Clone, Debug)]
pub(super) struct Chart {
    /// What is upwards, with its unit; above the chart.
    pub(super) heading: String,
    /// What is to the right, with its unit; below the chart, if said.
    pub(super) below: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) curves: Vec<Curve>,
    /// From where on the chart is set off, and what to write there.
    pub(super) shade: Option<(f64, String)>,
    /// In pixels, all in all.
    pub(super) height: f64,
}

impl Chart {
    pub(super) fn draw(&self, area: &Area<'_>, width: f64) -> Result<(), Failure> {
        let (top, bottom) = (LINE + 6.0, if self.below.is_empty() { LINE } else { LINE * 2.0 });
        let inner = (width - LEFT - RIGHT, self.height - top - bottom - 6.0);
        let heading = text(Ink::Quiet, 12.0, HPos::Left);
        area.draw(&Text::new(self.heading.clone(), point(2.0, LINE / 2.0), heading))
            .map_err(failed)?;
        if !self.below.is_empty() {
            let middle = point(LEFT + inner.0 / 2.0, self.height - LINE / 2.0 - 4.0);
            let below = text(Ink::Quiet, 12.0, HPos::Center);
            area.draw(&Text::new(self.below.clone(), middle, below)).map_err(failed)?;
        }
        let across = self.x.apart(inner.0, |text| text.chars().count() as f64 * LETTER + 8.0);
        let up = self.y.apart(inner.1, |_| LINE);
        let (x_labels, y_labels) = (across.len().max(1), up.len().max(1));
        let mut chart = ChartBuilder::on(area)
            .margin_top(at(top))
            .margin_right(at(RIGHT))
            .margin_bottom(at(bottom - LINE + 4.0))
            .set_label_area_size(LabelAreaPosition::Left, at(LEFT))
            .set_label_area_size(LabelAreaPosition::Bottom, at(LINE))
            .build_cartesian_2d(Ticks(across), Ticks(up))
            .map_err(failed)?;
        if let Some((from, _)) = &self.shade
            && let Some(from) = self.x.pushed(*from)
        {
            let rest = Rectangle::new([(from, 0.0), (1.0, 1.0)], Ink::Shade.drawn().filled());
            chart.draw_series([rest]).map_err(failed)?;
        }
        chart
            .configure_mesh()
            .bold_line_style(Ink::Grid.drawn().stroke_width(at(0.5) as u32))
            .light_line_style(TRANSPARENT)
            .axis_style(Ink::Quiet.drawn().stroke_width(at(0.5) as u32))
            .x_labels(x_labels)
            .y_labels(y_labels)
            .x_label_style(text(Ink::Quiet, 11.0, HPos::Center))
            .y_label_style(text(Ink::Quiet, 11.0, HPos::Right))
            .draw()
            .map_err(failed)?;
        let plane = chart.plotting_area().strip_coord_spec();
        let size = plane.dim_in_pixel();
        let spot = |x: f64, y: f64| {
            let across = (x * (f64::from(size.0) - 1.0)).round() as i32;
            (across, ((1.0 - y) * (f64::from(size.1) - 1.0)).round() as i32)
        };
        for curve in &self.curves {
            self.draw_curve(&plane, curve, spot)?;
        }
        if let Some((from, what)) = &self.shade
            && let Some(from) = self.x.pushed(*from)
        {
            let long = what.chars().count() as f64 * 6.0;
            // To the left of its edge if there is no room within.
            let ((x, y), side) = if (1.0 - from) * inner.0 < long {
                ((spot(from, 1.0).0 - at(5.0), spot(from, 1.0).1), HPos::Right)
            } else {
                ((spot(from, 1.0).0 + at(5.0), spot(from, 1.0).1), HPos::Left)
            };
            let words = text(Ink::Quiet, 11.0, side);
            plane.draw(&Text::new(what.clone(), (x, y + at(9.0)), words)).map_err(failed)?;
        }
        Ok(())
    }

    fn draw_curve(
        &self,
        plane: &Area<'_>,
        curve: &Curve,
        spot: impl Fn(f64, f64) -> (i32, i32),
    ) -> Result<(), Failure> {
        let dots: Vec<(&Dot, (i32, i32))> = thinned(&curve.dots)
            .into_iter()
            .filter_map(|dot| Some((dot, spot(self.x.place(dot.x)?, self.y.place(dot.y)?))))
            .collect();
        let line: Vec<(i32, i32)> = dots.iter().map(|&(_, place)| place).collect();
        let (Some(first), Some(last)) = (line.first(), line.last()) else { return Ok(()) };
        if curve.style.filled {
            let ground = spot(0.0, 0.0).1;
            let mut outline = vec![(first.0, ground)];
            outline.extend(&line);
            outline.push((last.0, ground));
            plane.draw(&Polygon::new(outline, curve.style.ink.drawn().filled())).map_err(failed)?;
            return Ok(());
        }
        if line.len() > 1 && curve.style.dash != Dash::None {
            plane.draw(&PathElement::new(line, curve.style.stroke(2.0))).map_err(failed)?;
        }
        for &(dot, (x, y)) in &dots {
            if let Some((low, high)) = dot.middle
                && let (Some(low), Some(high)) = (self.y.pushed(low), self.y.pushed(high))
            {
                let bar = vec![(x, spot(0.0, low).1), (x, spot(0.0, high).1)];
                let thin = Style { dash: Dash::Solid, ..curve.style }.stroke(1.2);
                plane.draw(&PathElement::new(bar, thin)).map_err(failed)?;
            }
            // A single point has no line to be seen by.
            let alone = dots.len() == 1 && curve.style.marker == Marker::None;
            let marker = if alone { Marker::Disc } else { curve.style.marker };
            draw_marker(plane, (x, y), Style { marker, ..curve.style })?;
            if dot.doubtful && marker != Marker::None {
                let hole = Style { ink: Ink::Paper, ..curve.style };
                let hole =
                    plotters::element::Circle::new((x, y), at(1.6), hole.ink.drawn().filled());
                plane.draw(&hole).map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// An axis from 0 to 1, as the library knows axes: places of ticks, and what is written there.
struct Ticks(Vec<(f64, String)>);

impl Ranged for Ticks {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        from + (value * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.0.iter().map(|tick| tick.0).collect()
    }

    fn range(&self) -> Range<f64> {
        0.0..1.0
    }
}

impl ValueFormatter<f64> for Ticks {
    fn format_ext(&self, place: &f64) -> String {
        let distance = |tick: &&(f64, String)| (tick.0 - place).abs();
        let nearest = self.0.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        nearest.map(|tick| tick.1.clone()).unwrap_or_default()
    }
}

/// At most so many of them: of each stretch the lowest and the highest.
fn thinned(dots: &[Dot]) -> Vec<&Dot> {
    if dots.len() <= MOST_POINTS {
        return dots.iter().collect();
    }
    let mut kept = Vec::new();
    for stretch in dots.chunks(dots.len().div_ceil(MOST_POINTS / 2)) {
        let lowest = stretch.iter().min_by(|a, b| a.y.total_cmp(&b.y));
        let highest = stretch.iter().max_by(|a, b| a.y.total_cmp(&b.y));
        let mut both: Vec<&Dot> = lowest.into_iter().chain(highest).collect();
        both.sort_by(|a, b| a.x.total_cmp(&b.x));
        kept.extend(both);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_points_the_extremes_are_kept_in_order() {
        let mut dots: Vec<Dot> = (0..50_000).map(|x| Dot::new((f64::from(x), 1.0))).collect();
        dots[31_234].y = 900.0;
        dots[7].y = -900.0;
        let kept = thinned(&dots);
        assert!(kept.len() <= MOST_POINTS + 2);
        assert!(kept.is_sorted_by(|a, b| a.x <= b.x));
        assert!(kept.iter().any(|dot| dot.y == 900.0) && kept.iter().any(|dot| dot.y == -900.0));
    }
}

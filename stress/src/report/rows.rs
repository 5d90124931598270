//! Rows: states over time as strips, and figures side by side as bars.

use plotters::element::{PathElement, Rectangle, Text};
use plotters::style::Color as _;
use plotters::style::text_anchor::HPos;

use super::axis::Axis;
use super::ink::Ink;
use super::picture::{Area, LEFT, LETTER, LINE, RIGHT, Style, failed, point, text};
use super::words;
use crate::program::Failure;

/// A state over time. How high it stands says as much as its colour.
#[derive(Clone, Debug)]
pub(super) struct Strip {
    pub(super) name: String,
    pub(super) spans: Vec<(f64, f64, String)>,
}

/// Strips under each other, over one time.
#[derive(Clone, Debug)]
pub(super) struct Strips {
    pub(super) x: Axis,
    pub(super) strips: Vec<Strip>,
    /// Whether the time is written below, in seconds.
    pub(super) timed: bool,
}

/// A strip's height, and that of its name above it.
const TALL: f64 = 18.0;
const EACH: f64 = TALL + LINE + 4.0;

/// The narrowest that a state is drawn as, in pixels.
const COLUMN: f64 = 1.0;

/// The spans as they can be drawn: those that are wide enough as they are, and of the narrow
/// ones between them the one that had most of each column.
fn columns<'a>(spans: &[(f64, f64, &'a str)]) -> Vec<(f64, f64, &'a str)> {
    let mut drawn: Vec<(f64, f64, &str)> = Vec::new();
    let mut at = 0;
    while let Some(&(from, to, state)) = spans.get(at) {
        at += 1;
        let next = if to - from >= COLUMN {
            (from, to, state)
        } else {
            // Whatever begins within this column, until something wide does.
            let mut shares: Vec<(&str, f64)> = vec![(state, to - from)];
            let mut end = to;
            while let Some(&(start, stop, state)) = spans.get(at)
                && start < from + COLUMN
                && stop - start < COLUMN
            {
                match shares.iter_mut().find(|share| share.0 == state) {
                    Some(share) => share.1 += stop - start,
                    None => shares.push((state, stop - start)),
                }
                end = end.max(stop);
                at += 1;
            }
            let most = shares.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
            (from, end.max(from + 0.5), most.map_or(state, |share| share.0))
        };
        match drawn.last_mut() {
            Some(last) if last.2 == next.2 && next.0 - last.1 < 0.5 => last.1 = last.1.max(next.1),
            _ => drawn.push(next),
        }
    }
    drawn
}

/// How a state is drawn: its colour and how much of the strip's height it fills.
pub(super) fn tone(state: &str) -> (Ink, f64) {
    match state {
        "closed" | "healthy" | "up" | "ok" => (Ink::Calm, 0.3),
        "half_open" | "slow" | "degraded" | "probing" => (Ink::Amber, 0.65),
        "open" | "forced_open" | "429" | "503" | "500" | "hanging" | "refused" | "down"
        | "failing" => (Ink::Vermilion, 1.0),
        _ => (Ink::Grey, 0.8),
    }
}

impl Strips {
    pub(super) fn height(&self) -> f64 {
        self.strips.len() as f64 * EACH + if self.timed { LINE * 2.0 } else { 4.0 }
    }

    pub(super) fn draw(&self, area: &Area<'_>, width: f64) -> Result<(), Failure> {
        let inner = width - LEFT - RIGHT;
        for (row, strip) in self.strips.iter().enumerate() {
            let top = row as f64 * EACH;
            let name = Text::new(
                strip.name.clone(),
                point(2.0, top + LINE / 2.0),
                text(Ink::Quiet, 12.0, HPos::Left),
            );
            area.draw(&name).map_err(failed)?;
            self.draw_strip(area, strip, top + LINE, inner)?;
        }
        if !self.timed {
            return Ok(());
        }
        let base = self.strips.len() as f64 * EACH;
        for (place, name) in self.x.apart(inner, |text| text.chars().count() as f64 * LETTER + 8.0)
        {
            let x = LEFT + place * inner;
            let mark = vec![point(x, base - 3.0), point(x, base)];
            area.draw(&PathElement::new(mark, Ink::Quiet.drawn().stroke_width(1)))
                .map_err(failed)?;
            let words = text(Ink::Quiet, 11.0, HPos::Center);
            area.draw(&Text::new(name, point(x, base + 9.0), words)).map_err(failed)?;
        }
        let words = text(Ink::Quiet, 12.0, HPos::Center);
        let middle = point(LEFT + inner / 2.0, base + LINE * 1.5);
        area.draw(&Text::new("seconds since the start".to_owned(), middle, words)).map_err(failed)
    }

    fn draw_strip(
        &self,
        area: &Area<'_>,
        strip: &Strip,
        top: f64,
        inner: f64,
    ) -> Result<(), Failure> {
        let base = top + TALL;
        let ground = vec![point(LEFT, base), point(LEFT + inner, base)];
        area.draw(&PathElement::new(ground, Ink::Grid.drawn().stroke_width(2))).map_err(failed)?;
        let place = |at: f64| self.x.pushed(at).map(|at| LEFT + at * inner);
        let spans: Vec<(f64, f64, &str)> = strip
            .spans
            .iter()
            .filter_map(|(from, to, state)| Some((place(*from)?, place(*to)?, state.as_str())))
            .collect();
        for (from, to, state) in columns(&spans) {
            let (ink, part) = tone(state);
            let corners = [point(from, base - TALL * part), point(to, base)];
            area.draw(&Rectangle::new(corners, ink.drawn().filled())).map_err(failed)?;
            let name = words::shortened(&words::spoken(state), 40);
            if part > 0.7 && name.chars().count() as f64 * 6.0 + 4.0 < to - from {
                let words = text(Ink::Paper, 11.0, HPos::Center);
                let middle = point((from + to) / 2.0, base - TALL / 2.0);
                area.draw(&Text::new(name, middle, words)).map_err(failed)?;
            }
        }
        // What was too short for a column of its own: a stroke where it was, as many as can
        // be told apart.
        let mut last = f64::NEG_INFINITY;
        for &(from, to, state) in &spans {
            if to - from >= COLUMN || from - last < 3.0 {
                continue;
            }
            last = from;
            let (ink, part) = tone(state);
            let stroke = vec![point(from, base - TALL * part), point(from, base)];
            area.draw(&PathElement::new(stroke, ink.drawn().stroke_width(1))).map_err(failed)?;
        }
        Ok(())
    }
}

/// One bar: how long, its repetitions' middle half, what is written at its end.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) value: f64,
    pub(super) middle: Option<(f64, f64)>,
    pub(super) says: String,
    pub(super) style: Style,
}

/// Bars under a name.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) bars: Vec<Bar>,
}

#[derive(Clone, Debug)]
pub(super) struct Bars {
    pub(super) heading: String,
    pub(super) x: Axis,
    pub(super) groups: Vec<Group>,
}

const BAR: f64 = 16.0;
const GAP: f64 = 8.0;

impl Bars {
    /// Where there is no room beside the bars, names stand above them.
    fn beside(width: f64) -> bool {
        width > 500.0
    }

    pub(super) fn height(&self, width: f64) -> f64 {
        let above = if Self::beside(width) { 0.0 } else { LINE };
        let bars: f64 =
            self.groups.iter().map(|group| group.bars.len() as f64 * BAR + GAP + above).sum();
        LINE + 6.0 + bars
    }

    pub(super) fn draw(&self, area: &Area<'_>, width: f64) -> Result<(), Failure> {
        let beside = Self::beside(width);
        let heading = text(Ink::Quiet, 12.0, HPos::Left);
        area.draw(&Text::new(self.heading.clone(), point(2.0, LINE / 2.0), heading))
            .map_err(failed)?;
        let left = if beside { width * 0.32 } else { 6.0 };
        let room = width - left - if beside { 130.0 } else { 110.0 };
        let mut top = LINE + 6.0;
        for group in &self.groups {
            let tall = group.bars.len() as f64 * BAR;
            if beside {
                let middle = point(left - 10.0, top + tall / 2.0);
                let name = words::shortened(&group.name, 36);
                area.draw(&Text::new(name, middle, text(Ink::Text, 12.0, HPos::Right)))
                    .map_err(failed)?;
            } else {
                let name = words::shortened(&group.name, 52);
                let place = point(left, top + LINE / 2.0);
                area.draw(&Text::new(name, place, text(Ink::Text, 12.0, HPos::Left)))
                    .map_err(failed)?;
                top += LINE;
            }
            let ground = vec![point(left, top), point(left, top + tall)];
            area.draw(&PathElement::new(ground, Ink::Quiet.drawn().stroke_width(1)))
                .map_err(failed)?;
            for (at, bar) in group.bars.iter().enumerate() {
                self.draw_bar(area, bar, left, room, top + at as f64 * BAR)?;
            }
            top += tall + GAP;
        }
        Ok(())
    }

    fn draw_bar(
        &self,
        area: &Area<'_>,
        bar: &Bar,
        left: f64,
        room: f64,
        top: f64,
    ) -> Result<(), Failure> {
        let Some(long) = self.x.pushed(bar.value) else { return Ok(()) };
        let (middle, half) = (top + BAR / 2.0, BAR / 2.0 - 2.0);
        // One of no length is seen to be there.
        let end = left + (long * room).max(1.0);
        // Two kinds of bars differ in thickness too.
        let half = if bar.style.filled { half } else { half / 2.5 };
        let corners = [point(left, middle - half), point(end, middle + half)];
        area.draw(&Rectangle::new(corners, bar.style.ink.drawn().filled())).map_err(failed)?;
        let mut free = end;
        if let Some((low, high)) = bar.middle
            && let (Some(low), Some(high)) = (self.x.pushed(low), self.x.pushed(high))
            && high > low
        {
            let (low, high) = (left + low * room, left + high * room);
            let pen = Ink::Text.drawn().stroke_width(2);
            area.draw(&PathElement::new(vec![point(low, middle), point(high, middle)], pen))
                .map_err(failed)?;
            free = free.max(high);
        }
        let words = text(Ink::Text, 11.0, HPos::Left);
        area.draw(&Text::new(bar.says.clone(), point(free + 6.0, middle), words)).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_states_too_short_to_draw_the_one_that_lasted_longest_is_seen() {
        let mut spans = vec![(0.0, 50.0, "closed")];
        for at in 0..200 {
            let from = 50.0 + f64::from(at) * 0.5;
            spans.push((from, from + 0.4, "open"));
            spans.push((from + 0.4, from + 0.5, "half_open"));
        }
        spans.push((150.0, 200.0, "closed"));
        let drawn = columns(&spans);
        let states: Vec<&str> = drawn.iter().map(|span| span.2).collect();
        assert_eq!(states, ["closed", "open", "closed"], "{drawn:?}");
        assert!((drawn[1].0 - 50.0).abs() < 1e-9 && (drawn[1].1 - 150.0).abs() < 1.0);
        let wide = [(0.0, 10.0, "open"), (10.0, 30.0, "closed")];
        assert_eq!(columns(&wide), wide);
        assert!(columns(&[]).is_empty());
    }
}

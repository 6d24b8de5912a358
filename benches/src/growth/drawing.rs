//! Lines in an SVG file.

use std::path::Path;

use anyhow::{anyhow, Context};
use plotters::{
    chart::SeriesLabelPosition,
    coord::combinators::IntoLogRange,
    prelude::{
        ChartBuilder, Circle, IntoDrawingArea, LineSeries, PathElement, RGBColor, SVGBackend, BLACK, WHITE,
    },
    series::PointSeries,
};

const SIZE: (u32, u32) = (760, 440);
/// Okabe and Ito's colours, which most eyes can tell apart.
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
];

/// Lines over a range of sizes.
#[derive(Debug, Clone)]
pub struct Plot {
    title: &'static str,
    horizontal: &'static str,
    vertical: &'static str,
    lines: Vec<(String, Vec<(f64, f64)>)>,
}

impl Plot {
    /// A plot without lines.
    pub const fn new(title: &'static str, horizontal: &'static str, vertical: &'static str) -> Self {
        Self { title, horizontal, vertical, lines: Vec::new() }
    }

    /// Adds a point to a line; the first point of a line makes it.
    pub fn point(&mut self, line: &str, horizontal: f64, vertical: f64) {
        let point = (horizontal, vertical);
        match self.lines.iter_mut().find(|(name, _)| name == line) {
            Some((_, points)) => points.push(point),
            None => self.lines.push((line.to_owned(), vec![point])),
        }
    }

    /// Draws it. Sizes double from mark to mark, costs begin at zero.
    pub fn draw(&self, file: &Path) -> anyhow::Result<()> {
        let draw = || -> Result<(), Box<dyn std::error::Error>> {
            let area = SVGBackend::new(file, SIZE).into_drawing_area();
            area.fill(&WHITE)?;
            let points = || self.lines.iter().flat_map(|(_, points)| points);
            let first = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
            let last = points().map(|point| point.0).fold(0.0, f64::max);
            let highest = points().map(|point| point.1).fold(0.0, f64::max);
            let mut chart = ChartBuilder::on(&area)
                .caption(self.title, ("sans-serif", 18))
                .margin(12)
                .x_label_area_size(40)
                .y_label_area_size(64)
                .build_cartesian_2d((first..last).log_scale().base(2.0), 0.0..highest * 1.1)?;
            chart
                .configure_mesh()
                .x_desc(self.horizontal)
                .y_desc(self.vertical)
                .x_label_formatter(&|size| format!("{size:.0}"))
                .draw()?;
            for ((name, points), color) in self.lines.iter().zip(COLORS.into_iter().cycle()) {
                chart
                    .draw_series(LineSeries::new(points.iter().copied(), &color))?
                    .label(name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color));
                chart.draw_series(PointSeries::<_, _, Circle<_, _>, _>::new(
                    points.iter().copied(),
                    3,
                    color,
                ))?;
            }
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperLeft)
                .background_style(WHITE)
                .border_style(BLACK)
                .draw()?;
            area.present()?;
            Ok(())
        };
        draw().map_err(|error| anyhow!("{error}")).with_context(|| format!("cannot draw {}", file.display()))
    }
}

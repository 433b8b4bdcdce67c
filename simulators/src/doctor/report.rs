//! The diagnosis for people.

use super::map::{self, Row};
use super::{Diagnosis, Fit};
use crate::recording::Stream;
use std::fmt::Write;

/// What was found out, with the first `maps` messages byte by byte. Card numbers, tracks, PINs and
/// chip data are hidden unless `unmask` is set.
#[must_use]
pub fn text(diagnosis: &Diagnosis, streams: &[Stream], maps: usize, unmask: bool) -> String {
    let mut out = String::new();
    let bytes: usize = streams.iter().map(|stream| stream.bytes.len()).sum();
    line(&mut out, &format!("{}, {bytes} bytes", counted(streams.len(), "recording")));
    for stream in streams.iter().filter(|stream| stream.lost_after.is_some()) {
        let at = stream.lost_after.unwrap_or_default();
        line(&mut out, &format!("  {}: the capture lost bytes after the first {at}", stream.name));
    }
    framing(&mut out, diagnosis);
    dialect(&mut out, diagnosis);
    let service = streams.iter().find_map(|stream| stream.service);
    listener(&mut out, diagnosis, service.map_or(8583, |service| service.port()));
    let shown = diagnosis.messages.iter().enumerate().take(maps);
    let (Some(start), Some(fit)) = (diagnosis.start, diagnosis.best()) else { return out };
    for (index, cut) in shown {
        let name = streams.get(cut.stream).map_or("", |stream| &*stream.name);
        let of = diagnosis.messages.len();
        let size = cut.front.len() + cut.body.len();
        let heading =
            format!("\nMessage {} of {of}, {size} bytes at {} of {name}", index + 1, cut.offset);
        line(&mut out, &heading);
        table(&mut out, &map::rows(cut, start, &fit.dialect, unmask));
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn framing(out: &mut String, diagnosis: &Diagnosis) {
    let Some(guess) = &diagnosis.framing else {
        line(out, "\nFraming   not found: no kind of length cuts this into ISO 8583 messages.");
        line(out, "          Is it enciphered (TLS), or does it begin inside a message?");
        return;
    };
    let mut how = guess.kind.map_or_else(|| "none, each a message".to_owned(), ToOwned::to_owned);
    if guess.tpdu {
        how.push_str(", TPDU");
    }
    if guess.header_varies {
        let _written = write!(how, ", {} bytes that vary", guess.header.len());
    } else if !guess.header.is_empty() {
        let _written = write!(how, ", header {}", hex::encode_upper(&guess.header));
    }
    let (used, all) = guess.covered;
    let bytes = match all - used + guess.skipped {
        0 => "every byte used".to_owned(),
        rest => format!("{} left over", counted(rest, "byte")),
    };
    let _written = writeln!(out, "\nFraming   {how}");
    let _written = writeln!(
        out,
        "          {} of {}, {bytes}",
        guess.messages,
        counted(guess.frames, "frame")
    );
}

fn dialect(out: &mut String, diagnosis: &Diagnosis) {
    let Some(best) = diagnosis.best() else { return };
    let of = diagnosis.messages.len();
    let name = |fit: &Fit| fit.name.clone().unwrap_or_else(|| "a dialect of its own".to_owned());
    let _written = writeln!(out, "\nDialect   {}", name(best));
    let understood = |fit: &Fit| {
        format!("{} of {} understood to the last byte", fit.score.whole, counted(of, "message"))
    };
    let _written = writeln!(out, "          {}", understood(best));
    for fit in diagnosis.fits.iter().skip(1).take(2) {
        let _written = writeln!(out, "          else {}: {}", name(fit), understood(fit));
    }
    if let Some(proposal) = &best.proposal {
        line(out, "\nThe dialect as a file:");
        for row in proposal.toml("proposed").lines() {
            let _written = writeln!(out, "    {row}");
        }
    }
}

/// What to put into `tamga.toml`, with the port that was connected to where it is known.
fn listener(out: &mut String, diagnosis: &Diagnosis, port: u16) {
    let (Some(guess), Some(best)) = (&diagnosis.framing, diagnosis.best()) else { return };
    let Some(kind) = guess.kind else { return };
    line(out, "\nFor tamga.toml:");
    line(out, "    [[listener]]");
    line(out, "    name = \"their-name\"");
    let _written = writeln!(out, "    bind = \"127.0.0.1:{port}\"");
    let _written = writeln!(out, "    framing = \"{kind}\"");
    if guess.tpdu {
        line(out, "    tpdu = true");
    }
    if !guess.header.is_empty() && !guess.header_varies {
        let _written = writeln!(out, "    header_hex = \"{}\"", hex::encode_upper(&guess.header));
    }
    let file = best.name.as_deref().unwrap_or("./proposed.toml");
    let _written = writeln!(out, "    dialect = \"{file}\"");
}

fn table(out: &mut String, rows: &[Row]) {
    let width = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let (bytes, what) = (width(|row| row.bytes.len()), width(|row| row.what.chars().count()));
    for Row { offset, bytes: digits, what: name, value } in rows {
        let text = format!("  {offset:>5}  {digits:<bytes$}  {name:<what$}  {value}");
        line(out, text.trim_end());
    }
}

//! The shell of a page: one file, nothing from the network, light and dark.

/// Text that is safe inside HTML and its attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A part of the page.
pub(super) fn card(title: &str, note: &str, inside: &str) -> String {
    let title = escape(title);
    let note = match note {
        "" => String::new(),
        note => format!("<p class=\"note\">{}</p>", escape(note)),
    };
    format!("<section class=\"card\"><h2>{title}</h2>{note}{inside}</section>")
}

/// A table that scrolls where the page is narrow; heads after a `<` stand on the left.
pub(super) fn table(heads: &[&str], rows: &str) -> String {
    let head = |name: &&str| match (name.strip_prefix('<'), *name) {
        (Some(left), _) => format!("<th scope=\"col\" class=\"l\">{}</th>", escape(left)),
        (None, "") => "<td></td>".to_owned(),
        (None, name) => format!("<th scope=\"col\">{}</th>", escape(name)),
    };
    let heads: String = heads.iter().map(head).collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>{heads}</tr></thead>\
         <tbody>{rows}</tbody></table></div>"
    )
}

/// A whole page around `body`.
pub(super) fn shell(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{}</title><style>{STYLE}</style></head>\n<body><main>{body}</main>\
         <script>{SCRIPT}</script></body></html>\n",
        escape(title)
    )
}

const STYLE: &str = "
:root{--paper:#f5f4ef;--card:#fff;--ink:#1b2126;--soft:#5b656f;--line:#e4e2db;--good:#0a6e4b;
--good-bg:#e0f2e9;--warn:#8a5200;--warn-bg:#fcefd6;--bad:#a8231b;--bad-bg:#fbe6e4;
--c1:#0f6e84;--c2:#c2690c;--c3:#7a4fa3;--c4:#b3261e;--c5:#38894a;--c6:#937300;--c7:#566a87;
--c8:#a8577e;--c0:#767f88}
@media screen and (prefers-color-scheme:dark){:root{--paper:#111519;--card:#191f25;--ink:#e8ecef;
--soft:#9aa6b1;--line:#2b333b;--good:#57d3a0;--good-bg:#12312a;--warn:#f0b95b;--warn-bg:#352a16;
--bad:#ff8a80;--bad-bg:#3a1e1d;--c1:#4fb8d0;--c2:#f0a35e;--c3:#b591dd;--c4:#ff8a80;--c5:#74c985;
--c6:#e3c455;--c7:#8fa5c6;--c8:#dc93b5;--c0:#7d8893}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',sans-serif}
main{max-width:1180px;margin:0 auto;padding:40px 24px 64px}
header{border-left:4px solid var(--c1);padding:2px 0 2px 22px;margin:0 0 26px}
.brand{font-size:12px;letter-spacing:.14em;text-transform:uppercase;color:var(--soft)}
h1{font-size:33px;line-height:1.18;letter-spacing:-.018em;margin:4px 0 10px;font-weight:650;
max-width:26em;text-wrap:balance}
h2{font-size:16px;margin:0 0 2px;font-weight:640}
.lead{font-size:16.5px;margin:0 0 6px;max-width:52em;text-wrap:pretty}
.note{color:var(--soft);margin:0 0 10px;font-size:13.5px}
.sub,.soft{color:var(--soft)}
.sub{margin:0;font-size:13.5px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:12px;
margin:0 0 14px}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:14px;
box-shadow:0 1px 2px rgb(0 0 0/.04)}
.tile{padding:14px 15px}
.tile b{display:block;font-size:25px;line-height:1.15;letter-spacing:-.02em;font-weight:640;
font-variant-numeric:tabular-nums;white-space:nowrap}
.tile b small{font-size:14px;font-weight:500;color:var(--soft);letter-spacing:0}
.tile span{color:var(--soft);font-size:13px;display:block;line-height:1.35;margin-top:3px}
.tile em{display:block;font-style:normal;font-weight:600;font-size:13px;margin-bottom:3px;
white-space:nowrap}
.tile.good b{color:var(--good)}.tile.bad b{color:var(--bad)}
.card{padding:19px 20px;margin:0 0 14px}
.two{display:grid;grid-template-columns:1fr 1fr;gap:0 14px}
.two>*{min-width:0}
.verdict{display:inline-flex;gap:.5em;align-items:center;border-radius:99px;padding:4px 13px;
font-weight:600;font-size:13.5px;margin:8px 0 2px}
.good{background:var(--good-bg);color:var(--good)}.warn{background:var(--warn-bg);color:var(--warn)}
.bad{background:var(--bad-bg);color:var(--bad)}.tile.good,.tile.bad{background:var(--card)}
ul.checks{list-style:none;margin:8px 0 0;padding:0}
ul.checks li{padding:6px 0 6px 30px;position:relative;border-top:1px solid var(--line)}
ul.checks li:first-child{border-top:0}
ul.checks li::before{content:'✓';position:absolute;left:4px;color:var(--good);font-weight:700}
ul.checks li.no::before{content:'✕';color:var(--bad)}
ul.checks li.so::before{content:'·';color:var(--soft)}
ul.checks li.mind::before{content:'!';color:var(--warn)}
.plot{position:relative}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:12.5px;color:var(--soft);margin:6px 0 4px}
.legend i{display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:6px;
vertical-align:middle;background:currentColor}
.legend i.dashed{background:repeating-linear-gradient(90deg,currentColor 0 4px,transparent 4px 7px)}
svg.chart{width:100%;height:auto;display:block;overflow:visible}
svg.chart text{font:11px system-ui,sans-serif;fill:var(--soft);font-variant-numeric:tabular-nums}
.grid{stroke:var(--line);stroke-width:1}
line.event{stroke:var(--soft);stroke-width:1;stroke-dasharray:1 3}
svg.chart text.event{font-size:10px}
.cross{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 3;visibility:hidden}
path{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}
path.dashed{stroke-dasharray:5 4;stroke-width:1.4}
.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}.s4{stroke:var(--c4)}
.s5{stroke:var(--c5)}.s6{stroke:var(--c6)}.s7{stroke:var(--c7)}.s8{stroke:var(--c8)}
.s0{stroke:var(--c0)}
.k1{color:var(--c1)}.k2{color:var(--c2)}.k3{color:var(--c3)}.k4{color:var(--c4)}.k5{color:var(--c5)}
.k6{color:var(--c6)}.k7{color:var(--c7)}.k8{color:var(--c8)}.k0{color:var(--c0)}
.a1{fill:var(--c1);opacity:.13}.a2{fill:var(--c2);opacity:.13}.a3{fill:var(--c3);opacity:.13}
.a4{fill:var(--c4);opacity:.13}.a5{fill:var(--c5);opacity:.13}
.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.f4{fill:var(--c4)}.f5{fill:var(--c5)}
.f6{fill:var(--c6)}.f7{fill:var(--c7)}.f8{fill:var(--c8)}.f0{fill:var(--c0)}
path[class^=f]{opacity:.88;stroke:var(--card);stroke-width:.6}
.tip{position:absolute;pointer-events:none;background:var(--ink);color:var(--paper);font-size:12px;
padding:5px 9px;border-radius:7px;visibility:hidden;white-space:pre;
font-variant-numeric:tabular-nums;z-index:2}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
thead th{text-align:right;font-weight:560;color:var(--soft);font-size:12.5px;padding:6px 8px;
white-space:nowrap}
tbody th{text-align:left;font-weight:400;padding:6px 8px 6px 0;border-top:1px solid var(--line);
white-space:nowrap}
td{text-align:right;padding:6px 8px;border-top:1px solid var(--line)}
thead td{border-top:0}
th:first-child{text-align:left;padding-left:0}
td:last-child,th:last-child{padding-right:0}
.l,thead th.l{text-align:left}
td.up{color:var(--good);white-space:nowrap}td.down{color:var(--bad);white-space:nowrap}
pre{font:12.5px/1.5 ui-monospace,'Cascadia Mono',Menlo,Consolas,monospace;overflow-x:auto;
background:var(--paper);border-radius:9px;padding:12px 14px;margin:10px 0 0;white-space:pre}
pre.wrap{white-space:pre-wrap;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:5px 18px;margin:8px 0 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
summary{cursor:pointer;font-weight:640}
details[open] summary{margin-bottom:10px}
:focus-visible{outline:2px solid var(--c1);outline-offset:2px;border-radius:4px}
@media (max-width:860px){.two{grid-template-columns:1fr}h1{font-size:26px}main{padding:26px 16px 48px}
header{padding-left:14px}}
@media (max-width:560px){svg.chart text{font-size:15px}svg.chart text.event{font-size:12px}
.card{padding:16px 14px}.tile b{font-size:22px}
.tiles{grid-template-columns:1fr 1fr}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:8px}}
@media print{@page{margin:12mm}body{background:#fff;font-size:11.5px;print-color-adjust:exact}
main{max-width:none;padding:0}h1{font-size:24px}.lead{font-size:13.5px}.tile b{font-size:18px}
.tiles{grid-template-columns:repeat(4,1fr)}.two{grid-template-columns:1fr 1fr}table{font-size:11px}
.note,.legend{font-size:10.5px}h2{font-size:13px}svg.chart text{font-size:16px}
.card,.tile{box-shadow:none;break-inside:avoid}details,.tip,.cross{display:none}
.scroll{overflow:visible}}
";

const SCRIPT: &str = "
for(const plot of document.querySelectorAll('.plot')){
const svg=plot.querySelector('svg'),tip=plot.querySelector('.tip'),cross=svg.querySelector('.cross');
const places=JSON.parse(svg.dataset.hover||'[]');
const hide=()=>{tip.style.visibility=cross.style.visibility='hidden'};
svg.addEventListener('pointerleave',hide);
svg.addEventListener('pointermove',event=>{
if(!places.length)return;
const box=svg.getBoundingClientRect(),scale=svg.viewBox.baseVal.width/box.width;
const x=(event.clientX-box.left)*scale;
let near=places[0];
for(const place of places)if(Math.abs(place[0]-x)<Math.abs(near[0]-x))near=place;
cross.setAttribute('x1',near[0]);cross.setAttribute('x2',near[0]);
tip.textContent=near[1];
const left=near[0]/scale,most=box.width-tip.offsetWidth-4;
tip.style.left=Math.max(0,Math.min(left+10,most))+'px';
tip.style.top=(svg.offsetTop+8)+'px';
tip.style.visibility=cross.style.visibility='visible'})}
";

#[cfg(test)]
mod tests {
    use super::*;

    /// The luminance of a colour as WCAG 2 has it.
    fn luminance(hex: &str) -> f64 {
        let full: String = match hex.len() {
            3 => hex.chars().flat_map(|digit| [digit, digit]).collect(),
            _ => hex.to_owned(),
        };
        let part = |at: usize| {
            let value =
                f64::from(u8::from_str_radix(full.get(at..at + 2).unwrap(), 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
    }

    fn contrast(style: &str, one: &str, other: &str) -> f64 {
        let of = |name: &str| {
            let (_, rest) = style.split_once(&format!("--{name}:#")).unwrap();
            luminance(rest.split([';', '}']).next().unwrap())
        };
        let (a, b) = (of(one), of(other));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_and_lines_stand_out_in_light_and_dark() {
        let (light, dark) = STYLE.split_once("prefers-color-scheme:dark").unwrap();
        for (name, style) in [("light", light), ("dark", dark)] {
            for (text, ground) in [
                ("ink", "paper"),
                ("ink", "card"),
                ("soft", "paper"),
                ("soft", "card"),
                ("good", "good-bg"),
                ("warn", "warn-bg"),
                ("bad", "bad-bg"),
                ("good", "card"),
                ("bad", "card"),
            ] {
                let found = contrast(style, text, ground);
                assert!(found >= 4.5, "{name}: {text} on {ground} {found:.2}");
            }
            for line in 0..=8 {
                let found = contrast(style, &format!("c{line}"), "card");
                assert!(found >= 3.0, "{name}: line {line} {found:.2}");
            }
        }
    }

    #[test]
    fn a_page_needs_nothing_but_itself() {
        let page = shell("a < b", "<p>body</p>");
        assert!(page.contains("<title>a &lt; b</title>") && page.contains("<p>body</p>"));
        for outside in ["http:", "https:", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("prefers-color-scheme:dark"));
    }
}

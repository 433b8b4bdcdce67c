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
:root{--paper:#f6f5f1;--card:#fff;--ink:#1d2328;--soft:#68727c;--line:#e4e2db;--good:#0b7a53;
--good-bg:#e3f4ec;--warn:#9a5b00;--warn-bg:#fdf0d8;--bad:#b3261e;--bad-bg:#fbe6e4;
--c1:#0f6e84;--c2:#d9822b;--c3:#7a4fa3;--c4:#b3261e;--c5:#3a8f4c;--c6:#c7a008;--c7:#5b6f8c;
--c8:#a8577e;--c0:#9aa3ab}
@media (prefers-color-scheme:dark){:root{--paper:#12161a;--card:#1a2026;--ink:#e7ebee;
--soft:#93a0ab;--line:#2b333b;--good:#57d3a0;--good-bg:#12312a;--warn:#f0b95b;--warn-bg:#352a16;
--bad:#ff8a80;--bad-bg:#3a1e1d;--c1:#4fb8d0;--c2:#f0a35e;--c3:#b591dd;--c4:#ff8a80;--c5:#74c985;
--c6:#e3c455;--c7:#8fa5c6;--c8:#dc93b5;--c0:#6d7882}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',sans-serif}
main{max-width:1120px;margin:0 auto;padding:36px 24px 56px}
.brand{font-size:12px;letter-spacing:.14em;text-transform:uppercase;color:var(--soft)}
h1{font-size:31px;line-height:1.2;letter-spacing:-.015em;margin:8px 0 6px;font-weight:650;
max-width:24em;text-wrap:balance}
h2{font-size:16px;margin:0 0 2px;font-weight:640}
.note{color:var(--soft);margin:0 0 10px;font-size:13.5px}
.sub{color:var(--soft);margin:0 0 22px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(138px,1fr));gap:12px;
margin:0 0 14px}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:14px}
.tile{padding:14px 15px}
.tile b{display:block;font-size:25px;line-height:1.15;letter-spacing:-.02em;font-weight:640;
font-variant-numeric:tabular-nums}
.tile b small{font-size:14px;font-weight:500;color:var(--soft);letter-spacing:0}
.tile span{color:var(--soft);font-size:13px}
.tile em{display:block;font-style:normal;font-weight:600;font-size:13px;margin-bottom:3px}
.card{padding:19px 20px;margin:0 0 14px}
.two{display:grid;grid-template-columns:1fr 1fr;gap:14px}
.two>.card{min-width:0}
@media (max-width:820px){.two{grid-template-columns:1fr}h1{font-size:25px}}
.verdict{display:inline-flex;gap:.5em;align-items:center;border-radius:99px;padding:4px 13px;
font-weight:600;font-size:13.5px;margin-top:4px}
.good{background:var(--good-bg);color:var(--good)}.warn{background:var(--warn-bg);color:var(--warn)}
.bad{background:var(--bad-bg);color:var(--bad)}
ul.checks{list-style:none;margin:8px 0 0;padding:0}
ul.checks li{padding:6px 0 6px 30px;position:relative;border-top:1px solid var(--line)}
ul.checks li:first-child{border-top:0}
ul.checks li::before{content:'✓';position:absolute;left:4px;color:var(--good);font-weight:700}
ul.checks li.no::before{content:'✕';color:var(--bad)}
ul.checks li.so::before{content:'·';color:var(--soft)}
.plot{position:relative}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:12.5px;color:var(--soft);margin:6px 0 2px}
.legend i{display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:6px;
vertical-align:middle;background:currentColor}
.legend i.dashed{background:repeating-linear-gradient(90deg,currentColor 0 4px,transparent 4px 7px)}
svg.chart{width:100%;height:auto;display:block;overflow:visible}
svg.chart text{font:11px system-ui,sans-serif;fill:var(--soft);font-variant-numeric:tabular-nums}
.grid{stroke:var(--line);stroke-width:1}
.cross{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 3;visibility:hidden}
path{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}
path.dashed{stroke-dasharray:5 4;stroke-width:1.4}
.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}.s4{stroke:var(--c4)}
.s5{stroke:var(--c5)}.s6{stroke:var(--c6)}.s7{stroke:var(--c7)}.s8{stroke:var(--c8)}
.s0{stroke:var(--c0)}
.k1{color:var(--c1)}.k2{color:var(--c2)}.k3{color:var(--c3)}.k4{color:var(--c4)}.k5{color:var(--c5)}
.k6{color:var(--c6)}.k7{color:var(--c7)}.k8{color:var(--c8)}.k0{color:var(--c0)}
.a1{fill:var(--c1);opacity:.13}.a2{fill:var(--c2);opacity:.13}.a3{fill:var(--c3);opacity:.13}
.a4{fill:var(--c4);opacity:.13}
.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.f4{fill:var(--c4)}.f5{fill:var(--c5)}
.f6{fill:var(--c6)}.f7{fill:var(--c7)}.f8{fill:var(--c8)}.f0{fill:var(--c0)}
path[class^=f]{opacity:.85;stroke:none}
.tip{position:absolute;pointer-events:none;background:var(--ink);color:var(--paper);font-size:12px;
padding:5px 9px;border-radius:7px;visibility:hidden;white-space:pre;
font-variant-numeric:tabular-nums;z-index:2}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
th{text-align:right;font-weight:560;color:var(--soft);font-size:12.5px;padding:6px 8px}
td{text-align:right;padding:6px 8px;border-top:1px solid var(--line)}
th:first-child,td:first-child,.l{text-align:left!important;padding-left:0}
td.up{color:var(--good)}td.down{color:var(--bad)}
pre{font:12.5px/1.5 ui-monospace,'Cascadia Mono',Menlo,Consolas,monospace;overflow-x:auto;
background:var(--paper);border-radius:9px;padding:12px 14px;margin:10px 0 0;white-space:pre}
pre.wrap{white-space:pre-wrap;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:5px 18px;margin:8px 0 0}
dt{color:var(--soft)}dd{margin:0}
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

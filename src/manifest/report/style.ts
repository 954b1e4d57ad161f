/** The page's looks: light, dark, narrow, and on paper, where nothing may be cut off and dark would waste ink. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1d2330;--soft:#5c667a;--paper:#fbfbfd;--card:#fff;--line:#dfe3ea;--bar:#3b6fd4;--bar-two:#8f6bd1;--on-bar:#fff;--good:#1f7a4d;--bad:#b3372c;--warn:#8a6100}
@media(prefers-color-scheme:dark){:root{--ink:#e7eaf1;--soft:#9aa5ba;--paper:#12151c;--card:#1a1f29;--line:#2c3443;--bar:#6d9bf0;--bar-two:#b497ee;--on-bar:#0d1118;--good:#5cc592;--bad:#f08a80;--warn:#e0b354}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--paper:#fff;--card:#fff;--line:#999;--bar:#3b6fd4;--bar-two:#8f6bd1;--on-bar:#fff;--good:#1f7a4d;--bad:#b3372c;--warn:#8a6100}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.7rem;margin:.2rem 0}h2{font-size:1.15rem;margin:2rem 0 .6rem}h3{font-size:.95rem;margin:.9rem 0 .3rem}h3:first-child{margin-top:0}p{margin:.2rem 0}p.sub,p.none{color:var(--soft)}
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem;overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{text-align:left;vertical-align:top;padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--line);white-space:nowrap}th{color:var(--soft);font-weight:600}td:last-child{white-space:normal;min-width:14rem;overflow-wrap:anywhere}tr:last-child td{border-bottom:0}
.verified,.deployed,.good{color:var(--good)}.failed,.revoked,.bad{color:var(--bad)}.smoked,.removed,.warn{color:var(--warn)}
ul{margin:.2rem 0;padding-left:1.2rem}li{overflow-wrap:anywhere}
svg{display:block;width:100%;height:auto;min-width:34rem}svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .label,svg .value,svg .tick{fill:var(--soft)}svg .bar{fill:var(--bar)}svg .bar.two{fill:var(--bar-two)}svg .on{fill:var(--on-bar)}svg .grid{stroke:var(--line)}
@media screen and (max-width:40rem){thead{display:none}tr,tbody,table{display:block}tr{padding:.5rem 0;border-bottom:1px solid var(--line)}tr:first-child{padding-top:0}tr:last-child{border-bottom:0;padding-bottom:0}td,td:last-child{display:grid;grid-template-columns:5.5rem 1fr;gap:.6rem;border:0;padding:.1rem 0;white-space:normal;min-width:0;overflow-wrap:anywhere}td::before{content:attr(data-name);color:var(--soft)}}
ol.time{list-style:none;margin:1rem 0 0;padding:0}ol.time li{border-left:3px solid var(--bar);padding:.15rem 0 .6rem .9rem;margin-left:.3rem}ol.time .when{color:var(--soft);font-size:.85rem}
@media print{main{max-width:none;padding:0}.card{overflow:visible;break-inside:auto}table{font-size:.75rem}td,th{white-space:normal;overflow-wrap:anywhere;padding-right:.5rem}td:last-child{min-width:0}tr,li,svg{break-inside:avoid}h2,h3{break-after:avoid}svg{min-width:0}.bar{print-color-adjust:exact}}
`;

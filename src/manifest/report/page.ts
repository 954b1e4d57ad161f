/** The page's style: light, dark, narrow, and paper, where nothing may be cut off and dark would waste ink. */
const STYLE = `
:root{color-scheme:light dark;--ink:#1d2330;--soft:#5c667a;--paper:#fbfbfd;--card:#fff;--line:#dfe3ea;--bar:#3b6fd4;--bar-two:#8f6bd1;--on-bar:#fff;--good:#1f7a4d;--bad:#b3372c;--warn:#8a6100}
@media(prefers-color-scheme:dark){:root{--ink:#e7eaf1;--soft:#9aa5ba;--paper:#12151c;--card:#1a1f29;--line:#2c3443;--bar:#6d9bf0;--bar-two:#b497ee;--on-bar:#0d1118;--good:#5cc592;--bad:#f08a80;--warn:#e0b354}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--paper:#fff;--card:#fff;--line:#999;--bar:#3b6fd4;--bar-two:#8f6bd1;--on-bar:#fff;--good:#1f7a4d;--bad:#b3372c;--warn:#8a6100}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.7rem;margin:.2rem 0}h2{font-size:1.15rem;margin:2rem 0 .6rem}h3{font-size:.95rem;margin:.9rem 0 .3rem}h3:first-child{margin-top:0}p{margin:.2rem 0}p.sub,p.none{color:var(--soft)}
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem;overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{text-align:left;vertical-align:top;padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--line);white-space:nowrap}th{color:var(--soft);font-weight:600}td:last-child{white-space:normal;min-width:14rem;overflow-wrap:anywhere}tr:last-child td{border-bottom:0}
.verified,.deployed,.good{color:var(--good)}.failed,.revoked,.bad{color:var(--bad)}.smoked,.removed,.warn{color:var(--warn)}
ul{margin:.2rem 0;padding-left:1.2rem}li{overflow-wrap:anywhere}
.row{display:grid;grid-template-columns:9.5rem 1fr 4.5rem;gap:.15rem .7rem;align-items:center;margin:.35rem 0;font-size:.85rem}.row .label,.row .value,.tick{color:var(--soft)}.row .label{text-align:right;overflow-wrap:anywhere}.chart+.chart{margin-top:1.2rem}.track{display:block;position:relative;height:1.4rem}.bar{display:block;height:100%;min-width:2px;border-radius:3px;background:var(--bar);print-color-adjust:exact}.lane .bar:nth-child(even),.swatch.two{background:var(--bar-two)}.lanes .row{grid-template-columns:9.5rem 1fr}.lane .bar{position:absolute;overflow:hidden;white-space:nowrap;text-indent:.35rem;line-height:1.4rem;color:var(--on-bar)}.ticks{display:flex;justify-content:space-between;font-size:.8rem}.swatch{display:inline-block;width:.8rem;height:.8rem;border-radius:3px;background:var(--bar);print-color-adjust:exact}
@media screen and (max-width:40rem){.row{grid-template-columns:1fr auto}.lanes .row{grid-template-columns:1fr}.row .label{grid-column:1/-1;text-align:left}.axis span:empty,.tick:nth-child(even){display:none}thead{display:none}tr,tbody,table{display:block}tr{padding:.5rem 0;border-bottom:1px solid var(--line)}tr:first-child{padding-top:0}tr:last-child{border-bottom:0;padding-bottom:0}td,td:last-child{display:grid;grid-template-columns:5.5rem 1fr;gap:.6rem;border:0;padding:.1rem 0;white-space:normal;min-width:0;overflow-wrap:anywhere}td::before{content:attr(data-name);color:var(--soft)}}
ol.time{list-style:none;margin:1rem 0 0;padding:0}ol.time li{border-left:3px solid var(--bar);padding:.15rem 0 .6rem .9rem;margin-left:.3rem}ol.time .when{color:var(--soft);font-size:.85rem}
@media print{main{max-width:none;padding:0}.card{overflow:visible;break-inside:auto}table{font-size:.75rem}td,th{white-space:normal;overflow-wrap:anywhere;padding-right:.5rem}td:last-child{min-width:0}tr,li,.row{break-inside:avoid}h2,h3{break-after:avoid}}
`;

const BARS = `
<div class="chart">{{#each this}}
<div class="row"><span class="label">{{label}}</span><span class="track"><span class="bar" style="width:{{width}}%"></span></span><span class="value">{{value}}</span></div>
{{/each}}</div>`;

/** Table cells carry their column's name, so that a phone can show each row as a list. */
export const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Mesa templates on Blaxel</title><style>${STYLE}</style></head>
<body><main><h1>Mesa templates on Blaxel</h1><p class="sub">{{counted}} · {{madeAt}} UTC</p>

<section><h2>Channels</h2><div class="card">
{{#if channels}}
<table><thead><tr><th>template</th><th>channel</th><th>version</th><th>status</th><th>image</th></tr></thead><tbody>
{{#each channels}}
<tr><td data-name="template">{{template}}</td><td data-name="channel"><strong>{{channel}}</strong></td><td data-name="version">{{id}}</td><td data-name="status"><span class="{{status}}">{{status}}</span></td><td data-name="image">{{images}}</td></tr>
{{/each}}
</tbody></table>
{{else}}<p class="none">No channels yet.</p>{{/if}}
</div></section>

<section><h2>Channel history</h2><div class="card">
{{#if lanes}}
<div class="chart lanes">
{{#each lanes}}
<div class="row"><span class="label">{{name}}</span><span class="track lane">{{#each stays}}<span class="bar" style="left:{{left}}%;width:{{width}}%" title="{{title}}">{{name}}</span>{{/each}}</span></div>
{{/each}}
<div class="row axis"><span></span><span class="ticks">{{#each ticks}}<span class="tick">{{this}}</span>{{/each}}</span></div>
</div>
<p class="none"><span class="swatch"></span> <span class="swatch two"></span> Each bar is a version that the channel pointed at; the colour changes with every move. Times are UTC.</p>
{{/if}}
{{#if moves}}
<ol class="time">
{{#each moves}}
<li><div class="when">{{when}} UTC · {{by}}</div><div><strong>{{channel}}</strong> of {{template}}: {{from}} → {{to}} <em>({{what}})</em></div></li>
{{/each}}
</ol>
{{#if olderMoves}}<p class="none">… and {{olderMoves}} older: mesa-template history</p>{{/if}}
{{else}}<p class="none">No channel was ever moved.</p>{{/if}}
</div></section>

<section><h2>Versions</h2><div class="card">
<table><thead><tr><th>version</th><th>status</th><th>size</th><th>layers</th><th>smoke</th><th>image, or reason</th></tr></thead><tbody>
{{#each versions}}
<tr><td data-name="version">{{id}}</td><td data-name="status"><span class="{{status}}">{{status}}</span></td><td data-name="size">{{size}}</td><td data-name="layers">{{layers}}</td><td data-name="smoke">{{smoke}}</td><td data-name="image, or reason">{{images}}</td></tr>
{{/each}}
</tbody></table>
{{#if olderVersions}}<p class="none">… and {{olderVersions}} older: mesa-template list</p>{{/if}}
</div></section>

<section><h2>Size over versions</h2><div class="card">
{{#each sizes}}${BARS}{{else}}<p class="none">Nothing built yet.</p>{{/each}}
</div></section>

<section><h2>Smoke times</h2><div class="card">
{{#each times}}${BARS}{{else}}<p class="none">Nothing built yet.</p>{{/each}}
</div></section>

{{#if packages}}
<section><h2>Packages changed</h2><div class="card">
{{#each packages.of}}
<h3>{{from}} → {{to}}</h3>
{{#if lines}}<ul>{{#each lines}}<li>{{this}}</li>{{/each}}</ul>{{else}}<p class="none">The same packages.</p>{{/if}}
{{#if more}}<p class="none">… and {{more}} more: mesa-template diff {{from}} {{to}}</p>{{/if}}
{{else}}<p class="none">No two versions of a template were measured yet.</p>{{/each}}
</div></section>
{{/if}}

{{#if drift}}
<section><h2>Open drift</h2><div class="card">
{{#each drift.of}}
<h3>{{id}}</h3>
{{#if differs}}<ul class="bad">{{#each differs}}<li>{{this}}</li>{{/each}}</ul>
{{else}}<p class="good">{{#if notCompared}}No differences in what was compared.{{else}}No differences.{{/if}}</p>{{/if}}
{{#if notCompared}}<ul class="warn">{{#each notCompared}}<li>not compared: {{this}}</li>{{/each}}</ul>{{/if}}
{{else}}<p class="none">No version to compare yet.</p>{{/each}}
</div></section>
{{/if}}
</main></body></html>
`;

// What the page cannot do in HTML: Airflow's colours, links out of Airflow's frame, a run that is started, and a table that follows loads.
"use strict";

const framed = window.parent !== window;

function follow_colours() {
  // Airflow's web UI sets a class at its root; outside of its frame the browser's own preference counts.
  const theirs = window.parent.document.documentElement;
  const take = () => {
    document.documentElement.dataset.theme = theirs.classList.contains("dark") ? "dark" : "light";
  };
  take();
  new MutationObserver(take).observe(theirs, { attributeFilter: ["class"] });
}

function leave_frame(event) {
  // The frame may not navigate Airflow's page (no allow-top-navigation): a link of that page itself may.
  const link = event.target.closest("a[target=_top]");
  if (!link || event.button > 1) return;
  event.preventDefault();
  const outer = window.parent.document.createElement("a");
  outer.href = link.href;
  if (event.button === 1 || event.ctrlKey || event.metaKey || link.origin !== location.origin) outer.target = "_blank";
  outer.rel = "noopener";
  outer.click();
}

async function asked(address, options) {
  const response = await fetch(address, { headers: { "Content-Type": "application/json", Accept: "application/json" }, ...options });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Error(typeof answer.detail === "string" ? answer.detail : `Airflow answered ${response.status}`);
}

async function start_run(button) {
  const runs = `${button.dataset.airflow}/api/v2/dags/${encodeURIComponent(button.dataset.dag)}/dagRuns`;
  const told = document.getElementById("progress");
  button.disabled = true;
  try {
    const body = JSON.stringify({ logical_date: null, conf: JSON.parse(button.dataset.conf) });
    let run = await asked(runs, { method: "POST", body });
    const link = document.createElement("a");
    link.href = `${button.dataset.airflow}/dags/${encodeURIComponent(run.dag_id)}/runs/${encodeURIComponent(run.dag_run_id)}`;
    link.target = "_top";
    link.textContent = run.dag_run_id;
    const state = document.createElement("span");
    told.replaceChildren("Run ", link, ": ", state);
    while (run.state !== "success" && run.state !== "failed") {
      state.textContent = run.state;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      run = await asked(`${runs}/${encodeURIComponent(run.dag_run_id)}`);
    }
    state.textContent = `${run.state}. `;
    const again = document.createElement("a");
    again.href = location.href;
    again.textContent = "See the day as it is now";
    told.append(again);
  } catch (error) {
    told.textContent = `The run was not started: ${error.message}`;
    button.disabled = false;
  }
}

async function follow_loads() {
  const live = document.querySelector("[data-live]");
  if (!live) return;
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const open = live.querySelector("details[open]") || live.contains(document.activeElement);
  const response = open || document.hidden ? null : await fetch(location.href).catch(() => null);
  if (response && response.ok) {
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("live");
    if (fresh) live.replaceWith(fresh);
  }
  follow_loads();
}

if (framed) follow_colours();
document.addEventListener("DOMContentLoaded", () => {
  if (framed) {
    document.addEventListener("click", leave_frame);
    document.addEventListener("auxclick", leave_frame);
  }
  document.querySelectorAll("button[data-dag]").forEach((button) => button.addEventListener("click", () => start_run(button)));
  follow_loads();
});

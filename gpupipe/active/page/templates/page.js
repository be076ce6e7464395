'use strict';
(function () {
  const token = location.hash.slice(1), tab = Math.random().toString(36).slice(2);
  const $ = id => document.getElementById(id);
  const make = (name, text, kind) => { const made = document.createElement(name); if (text != null) made.textContent = text; if (kind) made.className = kind; return made; };
  const own = made => { made.dir = 'auto'; return made; };  // in the direction of its own text
  let facts, prefix, annotator, current = null, ahead = [], history = [], shownAt = 0, clock = 0, fetching = false, sending = false, wait = 0, retry = 0;
  const memory = new Map();  // where the browser keeps nothing, answers live as long as the tab
  let marks = [], at = 0, anchor = 0;  // of words: what is marked, the word at hand, where the selection began

  // Answers stay in the browser, an entry each, until the server has said what became of them. Any tab sends all of them: the same one twice is kept once.
  const kept = {
    put(key, value) { try { localStorage.setItem(key, value); } catch (error) { memory.set(key, value); } },
    get(key) { return memory.get(key) ?? localStorage.getItem(key); },
    drop(key, value) { if (memory.get(key) === value) memory.delete(key); try { if (localStorage.getItem(key) === value) localStorage.removeItem(key); } catch (error) { /* none there */ } },
    keys() { let found = []; try { found = Object.keys(localStorage); } catch (error) { /* none there */ } return [...new Set([...found, ...memory.keys()])].filter(key => key.startsWith(prefix)).sort(); },
  };

  const moment = () => new Date(Date.now() + clock).toISOString();  // by the server's clock

  async function ask(path, body) {
    const options = { headers: { Authorization: 'Bearer ' + token }, cache: 'no-store', signal: AbortSignal.timeout(15000) };
    if (body) Object.assign(options, { method: 'POST', body: JSON.stringify(body) }), options.headers['Content-Type'] = 'application/json';
    const answer = await fetch(path, options);
    const told = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(told.error || answer.statusText), { status: answer.status });
    return told;
  }

  function state(name, text) { $('link').dataset.state = name; $('link-text').textContent = text; }
  function tell(text) { $('notice').textContent = text || ''; $('notice').hidden = !text; }
  function showLink(error) {
    const n = kept.keys().length, unsent = n === 1 ? '1 answer not sent yet' : n + ' answers not sent yet';
    if (error && error.status === 401) state('off', 'not let in'), tell('Open the address that the command printed. ' + (n ? unsent + '; they are kept in this browser and sent then.' : ''));
    else if (error && error.status === 503) state('off', unsent), tell('The answers cannot be kept now, and are sent again: ' + error.message);
    else if (error) state('off', 'no connection' + (n ? ', ' + unsent : ''));
    else state(n ? 'wait' : 'ok', n ? unsent : 'all saved');
  }

  async function send() {
    if (sending) return;
    sending = true;
    clearTimeout(retry);
    try {
      for (let keys = kept.keys(); keys.length; keys = kept.keys()) {
        const sent = keys.slice(0, 50).map(key => [key, kept.get(key)]).filter(one => one[1] != null);
        const told = await ask('/api/answers', { answers: sent.map(([key, value]) => ({ ...JSON.parse(value), key })) });
        for (const [number, result] of told.results.entries()) {
          kept.drop(...sent[number]);
          if (result.status === 'elsewhere') tell('You had answered one of these in another tab; that answer stands.');
          if (result.status === 'refused') tell('An answer was not taken: ' + result.reason);
        }
        if (JSON.parse(sent[sent.length - 1][1]).annotator === annotator) progress(told.progress);
        showLink();
      }
      if (wait) tell('');
      wait = 0;
      showLink();
      if (!current) show();
      if (ahead.length < 3) fill();
    } catch (error) {
      showLink(error);
      wait = Math.min(Math.max(500, wait * 2), 10000);
      retry = setTimeout(send, wait);
    } finally { sending = false; }
  }

  function answeredHere() {
    const mine = kept.keys().map(key => JSON.parse(kept.get(key))).filter(one => one && one.annotator === annotator);
    return mine.filter(one => !one.undone_at).map(one => one.question_id);
  }

  async function fill() {
    if (fetching) return;
    fetching = true;
    try {
      const without = [...new Set([...answeredHere(), ...ahead.map(one => one.question_id), ...(current ? [current.question_id] : [])])];
      const asked = annotator;
      const query = new URLSearchParams({ annotator, tab, most: 8, without: without.join(',') });
      const told = await ask('/api/questions?' + query);
      if (asked !== annotator) return;
      const known = new Set([...answeredHere(), ...ahead.map(one => one.question_id), ...(current ? [current.question_id] : [])]);
      ahead.push(...told.questions.filter(one => !known.has(one.question_id)));
      progress(told.progress);
      if (!current) next();
      showLink();
    } catch (error) { showLink(error); clearTimeout(retry); retry = setTimeout(() => { send(); fill(); }, 2000); } finally { fetching = false; }
  }

  function progress(told) {
    const share = told.of ? Math.min(1, told.budget ? told.spent / told.budget : told.done / told.of) : 0;
    $('bar').style.width = (100 * share) + '%';
    $('progress').setAttribute('aria-valuenow', Math.round(100 * share));
    const number = value => Number.isInteger(value) ? value.toLocaleString('en') : value.toFixed(1);
    const cost = told.budget !== told.of || told.spent !== told.done ? ' · ' + number(told.spent) + ' of a budget of ' + number(told.budget) : '';
    $('progress-text').textContent = told.of ? told.done.toLocaleString('en') + ' of ' + told.of.toLocaleString('en') + ' questions' + cost + (told.round == null ? '' : ' · round ' + told.round) : 'no questions were asked yet';
  }

  function next() { current = ahead.shift() || null; show(); if (ahead.length < 3) fill(); }

  function show() {
    $('card').hidden = !current;
    $('done').hidden = !!current;
    $('commands').querySelector('[data-command=submit]').hidden = $('hint').hidden = !current || facts.kind !== 'spans';
    $('guess').hidden = true;
    $('commands').querySelector('[data-command=skip]').hidden = !current;
    if (!current) { $('commands').querySelector('[data-command=guess]').hidden = true; $('done-text').textContent = kept.keys().length ? 'What you answered is still being sent.' : 'All is saved. New questions appear here by themselves.'; return; }
    shownAt = performance.now();
    $('example-id').textContent = current.example_id;
    $('round').textContent = 'round ' + current.round;
    $('commands').querySelector('[data-command=guess]').hidden = !current.has_guess;
    example(current.example);
    question(current.question);
  }

  function example(told) {
    const parts = [];
    if (told.image) { const image = make('img'); image.alt = 'the example'; image.onload = () => image.classList.toggle('small', image.naturalHeight < 200); image.src = told.image; parts.push(image); }
    if (told.image === null) parts.push(make('p', 'This image is neither PNG, JPEG, GIF nor WebP.', 'text long'));
    if (told.words && facts.kind === 'spans') { const words = own(make('div', null, 'words')); words.id = 'words'; parts.push(words); }
    else if (told.text != null || told.words) { const text = told.text ?? told.words.join(' '); parts.push(own(make('p', text, text.length > 240 ? 'text long' : 'text'))); }
    if (told.row) {
      const table = make('table');
      for (const [name, value] of told.row) { const row = table.insertRow(); row.append(own(make('td', name)), own(make('td', value))); }
      parts.push(table);
    }
    if (!parts.length) parts.push(make('p', current.example_id, 'text'));
    $('example').replaceChildren(...parts);
    $('example').scrollTop = 0;
    marks = [], at = anchor = 0;
    if (facts.kind === 'spans') showWords();
  }

  function choice(name, key, value, label) {
    const button = make('button');
    button.type = 'button';
    if (key) button.append(make('kbd', key));
    button.append(own(make('span', label ?? name)));
    button.dataset.value = value;
    button.onclick = () => facts.kind === 'spans' ? mark(value) : answer(value, button);
    return button;
  }

  function question(told) {
    const isSet = told.kind === 'set', isLong = facts.kind === 'class' && !isSet && facts.classes.some(one => !one.key);
    $('prompt').textContent = isSet ? (told.name ? 'Is it one of “' + told.name + '”?' : told.classes.length === 1 ? 'Is it ' + told.classes[0] + '?' : 'Is it one of these?') : facts.kind === 'spans' ? 'Which words are what?' : 'Which class is it?';
    $('of').textContent = isSet && (told.name || told.classes.length > 1) ? told.classes.slice(0, 40).join(', ') + (told.classes.length > 40 ? ' and ' + (told.classes.length - 40) + ' more' : '') : '';
    $('filter').hidden = !isLong;
    $('filter').value = '';
    if (isSet) $('choices').replaceChildren(choice('yes', 'y', 'yes'), choice('no', 'n', 'no'));
    else if (isLong) { found(); $('filter').focus(); } else $('choices').replaceChildren(...facts.classes.map(one => choice(one.name, one.key, one.name)));
  }

  function found() {  // classes that hold what was typed, those that begin with it first
    const typed = $('filter').value.trim().toLowerCase();
    const rank = one => { const place = one.name.toLowerCase().indexOf(typed); return place < 0 ? 3 : place === 0 ? 0 : 1; };
    const fit = facts.classes.filter(one => rank(one) < 3).sort((a, b) => rank(a) - rank(b)).slice(0, 60);
    $('choices').replaceChildren(...fit.map(one => choice(one.name, null, one.name)));
    if (typed && fit.length) $('choices').firstChild.classList.add('first');
    if (!fit.length) $('choices').append(make('p', 'No class has that in its name.', 'of'));
  }

  function answer(value, button) {
    if (!current) return;
    const seconds = Math.round(performance.now() - shownAt) / 1000;
    const made = { question_id: current.question_id, annotator, answer: value, answered_at: moment(), seconds };
    const key = prefix + String(Date.now()).padStart(15, '0') + '-' + Math.random().toString(36).slice(2, 10);
    kept.put(key, JSON.stringify(made));
    history.unshift({ key, made, question: current });
    if (button) button.classList.add('struck');
    tell('');
    showHistory();
    next();
    showLink();
    send();
  }

  function undo() {
    const last = history.shift();
    if (!last) return;
    kept.put(last.key, JSON.stringify({ ...last.made, undone_at: moment() }));
    if (current) ahead.unshift(current);
    current = last.question;
    showHistory();
    show();
    if (last.made.answer != null && facts.kind === 'spans') { marks = JSON.parse(last.made.answer); showWords(); }
    send();
  }

  function showHistory() {
    $('history').replaceChildren(...history.slice(0, 8).map(one => {
      const item = make('li'), told = one.made.answer;
      const marked = facts.kind === 'spans' && told != null ? JSON.parse(told).length + ' marked' : told;
      item.append(one.question.example_id + ' ', make('b', told == null ? 'skipped' : marked));
      return item;
    }));
  }

  async function guess() {
    if (!current || !current.has_guess) return;
    const of = current;
    try {
      const told = await ask('/api/guess?' + new URLSearchParams({ question: of.question_id }));
      if (of !== current || told.guess == null) return;
      $('guess').textContent = 'The model would say: ' + (facts.kind === 'spans' ? spoken(JSON.parse(told.guess)) : told.guess);
      $('guess').hidden = false;
    } catch (error) { showLink(error); }
  }
  const spoken = spans => spans.map(([first, end, type]) => current.example.words.slice(first, end).join(' ') + ' (' + type + ')').join(', ') || 'no word is marked';

  // Words: a selection from `anchor` to `at`; a type's key marks it, and marks do not overlap.
  function showWords() {
    const [low, high] = [Math.min(at, anchor), Math.max(at, anchor)];
    const pieces = [];
    current.example.words.forEach((word, place) => {
      const made = make('span', word, 'word'), span = marks.find(([first, end]) => first <= place && place < end);
      if (low <= place && place <= high) made.classList.add('chosen');
      if (place === at) made.classList.add('at');
      made.onmousedown = event => { event.preventDefault(); at = place; if (!event.shiftKey) anchor = place; showWords(); };
      made.onmouseenter = event => { if (event.buttons === 1) at = place, showWords(); };
      if (!span || place === span[0]) {
        if (place) pieces.push(' ');
        pieces.push(span ? make('span', null, 'span') : made);
        if (span) pieces[pieces.length - 1].style.background = 'var(--t' + facts.classes.findIndex(one => one.name === span[2]) % 8 + ')';
      }
      if (span) pieces[pieces.length - 1].append(...(place === span[0] ? [] : [' ']), made, ...(place === span[1] - 1 ? [make('sup', span[2])] : []));
    });
    $('words').replaceChildren(...pieces);
  }
  function mark(type) {
    const [low, high] = [Math.min(at, anchor), Math.max(at, anchor) + 1];
    marks = marks.filter(([first, end]) => end <= low || high <= first);
    if (type != null) marks.push([low, high, type]);
    marks.sort((a, b) => a[0] - b[0]);
    at = anchor = Math.min(high, current.example.words.length - 1);
    if (type == null) at = anchor = low;
    showWords();
  }
  function move(by, isSelecting) { at = Math.max(0, Math.min(current.example.words.length - 1, at + by)); if (!isSelecting) anchor = at; showWords(); }

  const commands = { undo, guess, skip: () => answer(null), submit: () => answer(JSON.stringify(marks)) };
  $('commands').onclick = event => { const button = event.target.closest('[data-command]'); if (button) commands[button.dataset.command](), button.blur(); };

  document.addEventListener('keydown', event => {
    if (event.target === $('annotator') || event.altKey || event.metaKey || event.isComposing || event.repeat && event.key.length === 1) return;
    const isTyping = event.target === $('filter') && $('filter').value !== '';
    if (event.ctrlKey) { if (event.key === 'z' && !isTyping) { event.preventDefault(); undo(); } return; }
    if (event.key === 'Backspace' && !isTyping) { event.preventDefault(); undo(); return; }
    if (!current) return;
    if (event.key === '?') { event.preventDefault(); guess(); return; }
    const page = { PageDown: 0.9, PageUp: -0.9, ArrowDown: 0.15, ArrowUp: -0.15 }[event.key];
    if (page && !isTyping) { event.preventDefault(); $('example').scrollBy(0, page * $('example').clientHeight); return; }
    if (event.key === ' ' && !isTyping) { event.preventDefault(); commands.skip(); return; }
    if (!$('filter').hidden) {
      if (event.key === 'Enter') { event.preventDefault(); const first = $('choices').querySelector('button'); if (first && $('filter').value.trim()) answer(first.dataset.value, first); }
      else if (event.key === 'Escape') { $('filter').value = ''; found(); } else if (event.key.length === 1) $('filter').focus();
      return;
    }
    if (event.target.closest('button') && event.key === 'Enter') return;
    if (facts.kind === 'spans') {
      if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') { event.preventDefault(); move((event.key === 'ArrowLeft') === (getComputedStyle($('words')).direction === 'rtl') ? 1 : -1, event.shiftKey); return; }
      if (event.key === 'Delete') { event.preventDefault(); mark(null); return; }
      if (event.key === 'Enter') { event.preventDefault(); commands.submit(); return; }
    }
    const key = event.key.toLowerCase();
    if (current.question.kind === 'set') { if (key === 'y' || key === 'n') { event.preventDefault(); answer(key === 'y' ? 'yes' : 'no'); } return; }
    const chosen = facts.classes.find(one => one.key === key);
    if (chosen) { event.preventDefault(); facts.kind === 'spans' ? mark(chosen.name) : answer(chosen.name); }
  });

  $('filter').oninput = found;
  $('annotator').onchange = () => {
    annotator = $('annotator').value.trim() || facts.annotator;
    $('annotator').value = annotator;
    try { sessionStorage.setItem(prefix + 'name', annotator); } catch (error) { /* it is asked for again */ }
    ahead = [], current = null, history = [];
    showHistory();
    fill();
    $('annotator').blur();
  };
  addEventListener('online', () => { send(); fill(); });
  addEventListener('focus', () => { if (facts) send(); });
  setInterval(() => { if (facts && !current) fill(); }, 4000);

  async function begin() {
    try { facts = await ask('/api/facts'); } catch (error) { prefix = prefix || '\u0000'; showLink(error); if (error.status !== 401) setTimeout(begin, 1500); return; }
    clock = Date.parse(facts.now) - Date.now();
    prefix = 'gpupipe-label-' + facts.store + '-';
    tell('');
    try { annotator = sessionStorage.getItem(prefix + 'name'); } catch (error) { /* none there */ }
    annotator = annotator || facts.annotator;
    $('annotator').value = annotator;
    $('place').textContent = document.title = facts.place;
    await send();
    fill();
  }
  addEventListener('hashchange', () => location.reload());
  begin();
})();

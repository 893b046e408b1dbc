// Schema shows what introspection says: the roots first, then each type with its fields, arguments and descriptions.
export class Schema {
  static question = `query Explore {
  __schema {
    queryType { name } mutationType { name } subscriptionType { name }
    types {
      kind name description
      fields(includeDeprecated: true) { name description deprecationReason type { ...T } args { name description defaultValue type { ...T } } }
      inputFields { name description defaultValue type { ...T } }
      enumValues(includeDeprecated: true) { name description deprecationReason }
      possibleTypes { name }
      interfaces { name }
    }
  }
}
fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`;

  constructor(docs, trail, find) {
    [this.docs, this.trail] = [docs, trail];
    this.types = new Map();
    this.path = [];
    find.addEventListener('input', () => this.search(find.value.trim().toLowerCase()));
  }

  explain(text) {
    this.docs.replaceChildren(Object.assign(document.createElement('p'), { textContent: text }));
  }

  show(s) {
    this.types = new Map(s.types.filter((t) => !t.name.startsWith('__')).map((t) => [t.name, t]));
    this.roots = [s.queryType, s.mutationType, s.subscriptionType].filter(Boolean).map((t) => t.name);
    this.path = [];
    this.draw();
  }

  // open shows a type; going back to one that is on the trail cuts the trail there.
  open(name) {
    const seen = this.path.indexOf(name);
    this.path = seen >= 0 ? this.path.slice(0, seen + 1) : [...this.path, name];
    this.draw();
  }

  draw() {
    this.trail.replaceChildren(this.link('Schema', () => { this.path = []; this.draw(); }));
    for (const name of this.path) this.trail.append(' › ', this.link(name, () => this.open(name)));
    const name = this.path.at(-1);
    this.docs.replaceChildren(...(name ? this.type(this.types.get(name)) : this.start()));
    this.docs.scrollTop = 0;
  }

  start() {
    const of = (kinds) => [...this.types.values()].filter((t) => kinds.includes(t.kind) && !this.roots.includes(t.name)).map((t) => t.name).sort();
    return [this.head('Begin with'), this.names(this.roots), this.head('Types'), this.names(of(['OBJECT', 'INTERFACE', 'UNION'])),
      this.head('Inputs'), this.names(of(['INPUT_OBJECT'])), this.head('Enums and scalars'), this.names(of(['ENUM', 'SCALAR']))];
  }

  type(t) {
    const out = [this.head(`${t.name}`), this.text(t.description)];
    if (t.interfaces?.length) out.push(this.text('Is a '), this.names(t.interfaces.map((i) => i.name)));
    if (t.possibleTypes?.length) out.push(this.text('Is one of '), this.names(t.possibleTypes.map((i) => i.name)));
    const list = document.createElement('dl');
    for (const f of [...(t.fields ?? []), ...(t.inputFields ?? []), ...(t.enumValues ?? [])]) this.entry(list, f);
    return [...out, list];
  }

  entry(list, f) {
    const dt = document.createElement('dt');
    dt.append(f.name);
    if (f.args?.length) {
      dt.append('(');
      f.args.forEach((a, i) => dt.append(i ? ', ' : '', Object.assign(document.createElement('span'), { textContent: a.name, title: a.description ?? '' }), ': ', this.ref(a.type), a.defaultValue == null ? '' : ` = ${a.defaultValue}`));
      dt.append(')');
    }
    if (f.type) dt.append(': ', this.ref(f.type), f.defaultValue == null ? '' : ` = ${f.defaultValue}`);
    const dd = document.createElement('dd');
    dd.textContent = [f.description, f.deprecationReason && `Deprecated: ${f.deprecationReason}`].filter(Boolean).join(' ');
    list.append(dt, dd);
  }

  // ref writes a type as the schema language does, its name a link.
  ref(t) {
    const span = document.createElement('span');
    if (t.kind === 'NON_NULL') span.append(this.ref(t.ofType), '!');
    else if (t.kind === 'LIST') span.append('[', this.ref(t.ofType), ']');
    else span.append(this.types.has(t.name) ? this.link(t.name, () => this.open(t.name)) : t.name);
    return span;
  }

  search(word) {
    if (!word) return this.draw();
    const hits = [];
    for (const t of this.types.values()) {
      if (t.name.toLowerCase().includes(word)) hits.push([t.name, t.name]);
      for (const f of [...(t.fields ?? []), ...(t.inputFields ?? []), ...(t.enumValues ?? [])]) {
        if (f.name.toLowerCase().includes(word)) hits.push([`${t.name}.${f.name}`, t.name]);
        for (const a of f.args ?? []) if (a.name.toLowerCase().includes(word)) hits.push([`${t.name}.${f.name}(${a.name})`, t.name]);
      }
    }
    const list = document.createElement('dl');
    for (const [label, name] of hits.slice(0, 100)) {
      const dt = document.createElement('dt');
      dt.append(this.link(label, () => this.open(name)));
      list.append(dt);
    }
    this.docs.replaceChildren(this.head(`${hits.length} found`), list);
  }

  link(label, go) {
    const a = Object.assign(document.createElement('a'), { href: '#', textContent: label });
    a.addEventListener('click', (e) => { e.preventDefault(); go(); });
    return a;
  }

  names(list) {
    const p = document.createElement('p');
    list.forEach((n, i) => p.append(i ? ', ' : '', this.link(n, () => this.open(n))));
    return p;
  }

  head(text) { return Object.assign(document.createElement('h2'), { textContent: text }); }

  text(text) { return Object.assign(document.createElement('p'), { textContent: text ?? '' }); }
}

//! Every way to write a slice wrongly: a valid slice taken apart, one thing changed, put together again.
//!
//! The vectors' writer and the tests both use this. Each entry has the error that it must earn and where.

const V: &str = "v";
const SEQ: &str = "seq";
const PREV: &str = "prev";
const ROWS: &str = "rows";
const END: &str = "end_ms";
const ORIGIN: &str = "origin";
const TENANT: &str = "tenant";
const START: &str = "start_ms";
const DIMENSION: &str = "dimension";

/// Bytes that are not a canonical slice.
pub(crate) struct Deviation {
    /// Name of the test, and of the file among the vectors.
    pub(crate) name: String,
    /// Name of the variant of `DecodeErrorKind`.
    pub(crate) error: &'static str,
    /// Where the error lies.
    pub(crate) offset: usize,
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
}

/// A slice in pieces.
#[derive(Clone)]
pub(crate) struct Pieces {
    head: Vec<u8>,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

fn text(text: &str) -> Vec<u8> {
    assert!(text.len() < 24);
    [&[0x60 | text.len() as u8], text.as_bytes()].concat()
}

fn row(key: &[u8], increment: &[u8]) -> Vec<u8> {
    [b"\x82", key, increment].concat()
}

fn labels(route: &str) -> Vec<u8> {
    [b"\x84".to_vec(), text("GET"), text(route), text("web"), text("eu")].concat()
}

fn rows(rows: &[Vec<u8>]) -> Vec<u8> {
    [vec![0x80 | rows.len() as u8], rows.concat()].concat()
}

fn link(cid: &[u8], digest_bytes: usize) -> Vec<u8> {
    let content = [cid, &vec![0xd1; digest_bytes]].concat();
    [b"\xd8\x2a\x58", &[content.len() as u8][..], &content].concat()
}

impl Pieces {
    /// Slice 0 of a stream, with two rows.
    pub(crate) fn genesis() -> Self {
        let fields = [
            (V, b"\x01".to_vec()),
            (SEQ, b"\x00".to_vec()),
            (PREV, b"\xf6".to_vec()),
            (ROWS, rows(&[row(&labels("/a"), b"\x01"), row(&labels("/b"), b"\x02")])),
            (END, b"\x19\xea\x60".to_vec()),
            (ORIGIN, [b"\x50".to_vec(), vec![7; 16]].concat()),
            (TENANT, text("acme")),
            (START, b"\x00".to_vec()),
            (DIMENSION, text("requests")),
        ];
        let fields = fields.into_iter().map(|(name, value)| (text(name), value)).collect();
        Self { head: vec![0xa9], fields }
    }

    /// Slice 1 of a stream, with a link.
    pub(crate) fn second() -> Self {
        Self::genesis().with(SEQ, b"\x01").with(PREV, &link(b"\x00\x01\x71\x1e\x20", 32))
    }

    fn with(mut self, field: &str, value: &[u8]) -> Self {
        let index = self.index(field);
        self.fields[index].1 = value.to_vec();
        self
    }

    fn index(&self, field: &str) -> usize {
        self.fields.iter().position(|(name, _)| *name == text(field)).unwrap()
    }

    /// Where the name at `index` begins; behind the last, where the slice ends.
    fn name_at(&self, index: usize) -> usize {
        let before = &self.fields[..index];
        self.head.len() + before.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
    }

    fn value_at(&self, field: &str) -> usize {
        let index = self.index(field);
        self.name_at(index) + self.fields[index].0.len()
    }

    /// The slice in one piece.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let fields = self.fields.iter().map(|(name, value)| [&name[..], value].concat());
        [self.head.clone(), fields.collect::<Vec<_>>().concat()].concat()
    }

    fn error(&self, name: &str, error: &'static str, offset: usize) -> Deviation {
        Deviation { name: name.to_owned(), error, offset, bytes: self.bytes() }
    }
}

/// All deviations. Inputs past the size limit are left to the tests of limits.
pub(crate) fn deviations() -> Vec<Deviation> {
    let mut all = Vec::new();
    whole(&mut all);
    form(&mut all);
    types(&mut all);
    fields(&mut all);
    links(&mut all);
    values(&mut all);
    row_rules(&mut all);
    all
}

/// One value of the genesis slice replaced; the error lies `delta` bytes into the new value.
fn value(name: &str, error: &'static str, field: &str, value: &[u8], delta: usize) -> Deviation {
    let pieces = Pieces::genesis().with(field, value);
    pieces.error(name, error, pieces.value_at(field) + delta)
}

fn whole(all: &mut Vec<Deviation>) {
    let whole = |name: &str, error, offset, bytes: Vec<u8>| {
        let name = name.to_owned();
        Deviation { name, error, offset, bytes }
    };
    let valid = Pieces::genesis().bytes();
    all.push(whole("empty_input", "Truncated", 0, Vec::new()));
    let tail = valid.len() - "requests".len();
    all.push(whole("cut_off", "Truncated", tail, valid[..valid.len() - 1].to_vec()));
    all.push(whole("one_byte_behind", "TrailingBytes", valid.len(), [&valid[..], b"\0"].concat()));
    all.push(whole("slice_behind_slice", "TrailingBytes", valid.len(), [&valid[..], &valid].concat()));
    let rows = Pieces::genesis();
    let at = rows.value_at(ROWS);
    let huge = [&rows.bytes()[..at], b"\x9b\x00\x00\x00\x01\x00\x00\x00\x00"].concat();
    all.push(whole("rows_announced_but_absent", "Truncated", at, huge));
    all.push(whole("fields_announced_but_absent", "Truncated", 9, b"\xbb\x00\x00\x00\x01\0\0\0\0".to_vec()));
    all.push(whole("array_for_slice", "Nesting", 0, [b"\x81", &valid[..]].concat()));
    all.push(whole("integer_for_slice", "WrongType", 0, b"\x00".to_vec()));
    all.push(whole("tagged_slice", "ForeignTag", 0, [b"\xd9\xd9\xf7", &valid[..]].concat()));
    all.push(whole("deep_nesting", "Nesting", 0, vec![0x81; 4000]));
}

fn form(all: &mut Vec<Deviation>) {
    all.push(value("integer_in_two_bytes", "NonShortestInteger", SEQ, b"\x18\x00", 0));
    all.push(value("integer_in_three_bytes", "NonShortestInteger", END, b"\x19\x00\xff", 0));
    all.push(value("integer_in_five_bytes", "NonShortestInteger", END, b"\x1a\x00\x00\xea\x60", 0));
    all.push(value("integer_in_nine_bytes", "NonShortestInteger", END, b"\x1b\0\0\0\0\xff\xff\xff\xff", 0));
    all.push(value("version_in_two_bytes", "NonShortestInteger", V, b"\x18\x01", 0));
    let padded = rows(&[row(&labels("/a"), b"\x18\x17")]);
    all.push(value("increment_in_two_bytes", "NonShortestInteger", ROWS, &padded, padded.len() - 2));
    let mut link = link(b"\x00\x01\x71\x1e\x20", 32);
    link.splice(0..2, *b"\xd9\x00\x2a");
    all.push(value("tag_in_three_bytes", "NonShortestInteger", PREV, &link, 0));
    all.push(value("text_length_in_two_bytes", "NonShortestLength", TENANT, b"\x78\x04acme", 0));
    all.push(value(
        "text_length_in_nine_bytes",
        "NonShortestLength",
        TENANT,
        b"\x7b\0\0\0\0\0\0\0\x04acme",
        0,
    ));
    let origin = [b"\x58\x10".to_vec(), vec![7; 16]].concat();
    all.push(value("bytes_length_in_two_bytes", "NonShortestLength", ORIGIN, &origin, 0));
    let two = rows(&[row(&labels("/a"), b"\x01"), row(&labels("/b"), b"\x02")]);
    let padded = [b"\x98\x02", &two[1..]].concat();
    all.push(value("row_count_in_two_bytes", "NonShortestLength", ROWS, &padded, 0));
    let mut pieces = Pieces::genesis();
    pieces.head = b"\xb8\x09".to_vec();
    all.push(pieces.error("field_count_in_two_bytes", "NonShortestLength", 0));
    let mut pieces = Pieces::genesis();
    pieces.fields[1].0 = b"\x78\x03seq".to_vec();
    all.push(pieces.error("name_length_in_two_bytes", "NonShortestLength", pieces.name_at(1)));

    all.push(value("indefinite_text", "IndefiniteLength", TENANT, b"\x7f\x64acme\xff", 0));
    all.push(value(
        "indefinite_bytes",
        "IndefiniteLength",
        ORIGIN,
        b"\x5f\x50\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff",
        0,
    ));
    let open = [b"\x9f", &two[1..], b"\xff"].concat();
    all.push(value("indefinite_rows", "IndefiniteLength", ROWS, &open, 0));
    let mut pieces = Pieces::genesis();
    pieces.head = b"\xbf".to_vec();
    all.push(pieces.error("indefinite_map", "IndefiniteLength", 0));
    all.push(value("break_for_integer", "IndefiniteLength", SEQ, b"\xff", 0));
    all.push(value("reserved_integer", "ReservedByte", SEQ, b"\x1c", 0));
    all.push(value("reserved_text", "ReservedByte", TENANT, b"\x7e", 0));
    all.push(value("indefinite_integer", "ReservedByte", SEQ, b"\x1f", 0));
    all.push(value("half_float", "Float", SEQ, b"\xf9\x00\x00", 0));
    all.push(value("single_float", "Float", SEQ, b"\xfa\x00\x00\x00\x00", 0));
    all.push(value("double_float", "Float", END, b"\xfb\x40\xed\x4c\x00\x00\x00\x00\x00", 0));
    all.push(value("foreign_tag", "ForeignTag", START, b"\xc1\x00", 0));
    all.push(value("big_integer", "ForeignTag", SEQ, b"\xc2\x41\x00", 0));
}

fn types(all: &mut Vec<Deviation>) {
    all.push(value("negative_seq", "WrongType", SEQ, b"\x20", 0));
    all.push(value("text_for_integer", "WrongType", SEQ, b"\x610", 0));
    all.push(value("text_for_version", "WrongType", V, b"\x611", 0));
    all.push(value("bytes_for_text", "WrongType", TENANT, b"\x44acme", 0));
    let text_origin = [b"\x70".to_vec(), vec![b'7'; 16]].concat();
    all.push(value("text_for_origin", "WrongType", ORIGIN, &text_origin, 0));
    all.push(value("null_for_text", "WrongType", TENANT, b"\xf6", 0));
    all.push(value("false_for_link", "WrongType", PREV, b"\xf4", 0));
    all.push(value("undefined_for_link", "WrongType", PREV, b"\xf7", 0));
    all.push(value("simple_for_link", "WrongType", PREV, b"\xf8\x20", 0));
    all.push(value("digest_for_link", "WrongType", PREV, &[&b"\x58\x20"[..], &[0xd1; 32]].concat(), 0));
    all.push(value("text_in_link", "WrongType", PREV, b"\xd8\x2a\x61b", 2));
    all.push(value("link_for_integer", "WrongType", SEQ, &link(b"\x00\x01\x71\x1e\x20", 32), 0));
    all.push(value("integer_for_rows", "WrongType", ROWS, b"\x01", 0));
    all.push(value("map_for_rows", "Nesting", ROWS, b"\xa0", 0));
    all.push(value("integer_for_row", "WrongType", ROWS, b"\x81\x01", 1));
    let text_key = rows(&[row(b"\x67/v1/abc", b"\x01")]);
    all.push(value("text_for_key", "WrongType", ROWS, &text_key, 2));
    let negative = rows(&[row(&labels("/a"), b"\x20")]);
    all.push(value("negative_increment", "WrongType", ROWS, &negative, negative.len() - 1));
    all.push(value("array_for_text", "Nesting", TENANT, b"\x81\x64acme", 0));
    all.push(value("map_for_integer", "Nesting", START, b"\xa0", 0));
    let nested = rows(&[row(b"\x84\x61a\x81\x61b\x61c\x61d", b"\x01")]);
    all.push(value("array_for_label", "Nesting", ROWS, &nested, 5));
    let integer_name = Pieces { head: vec![0xa1], fields: vec![(b"\x01".to_vec(), b"\x01".to_vec())] };
    all.push(integer_name.error("integer_for_name", "WrongType", 1));
}

fn fields(all: &mut Vec<Deviation>) {
    for field in [V, SEQ, PREV, ROWS, END, ORIGIN, TENANT, START, DIMENSION] {
        let mut pieces = Pieces::genesis();
        pieces.head = vec![0xa8];
        let index = pieces.index(field);
        pieces.fields.remove(index);
        all.push(pieces.error(&format!("missing_{field}"), "MissingField", pieces.bytes().len()));
    }
    let empty = Pieces { head: vec![0xa0], fields: Vec::new() };
    all.push(empty.error("no_fields", "MissingField", 1));

    let insert = |name: &str, error, index: usize, field: (Vec<u8>, Vec<u8>)| {
        let mut pieces = Pieces::genesis();
        pieces.head = vec![0xaa];
        pieces.fields.insert(index, field);
        pieces.error(name, error, pieces.name_at(index))
    };
    all.push(insert("unknown_field", "UnknownField", 1, (text("x"), b"\x00".to_vec())));
    all.push(insert("unknown_field_last", "UnknownField", 9, (text("dimensions"), b"\x00".to_vec())));
    all.push(insert("upper_case_field", "UnknownField", 1, (text("V"), b"\x01".to_vec())));
    let seq = (text(SEQ), b"\x00".to_vec());
    all.push(insert("duplicate_field", "DuplicateField", 2, seq.clone()));
    all.push(insert("duplicate_field_later", "DuplicateField", 9, seq));

    let mut pieces = Pieces::genesis();
    pieces.fields.swap(0, 1);
    all.push(pieces.error("version_second", "UnorderedFields", pieces.name_at(1)));
    let mut pieces = Pieces::genesis();
    pieces.fields.sort_by(|a, b| a.0[1..].cmp(&b.0[1..]));
    let late = pieces.index(END);
    all.push(pieces.error("alphabetical_fields", "UnorderedFields", pieces.name_at(late)));
}

fn links(all: &mut Vec<Deviation>) {
    let mut push = |name: &str, error, cid: &[u8], digest_bytes: usize, delta: usize| {
        let pieces = Pieces::second().with(PREV, &link(cid, digest_bytes));
        all.push(pieces.error(name, error, pieces.value_at(PREV) + delta));
    };
    // The head of the link takes two bytes, that of its bytes two more.
    push("link_without_zero_byte", "LinkPrefix", b"\x01\x71\x1e\x20", 32, 4);
    push("link_in_base32", "LinkPrefix", b"bafyr", 32, 4);
    push("link_of_version_0", "LinkVersion", b"\x00\x12\x20", 32, 5);
    push("link_of_version_2", "LinkVersion", b"\x00\x02\x71\x1e\x20", 32, 5);
    push("link_to_raw_codec", "LinkCodec", b"\x00\x01\x55\x1e\x20", 32, 6);
    push("link_to_padded_codec", "LinkCodec", b"\x00\x01\xf1\x00\x1e\x20", 32, 6);
    push("link_by_sha2", "LinkHash", b"\x00\x01\x71\x12\x20", 32, 7);
    push("link_with_short_digest", "LinkLength", b"\x00\x01\x71\x1e\x14", 20, 2);
    push("link_with_wrong_digest_length", "LinkLength", b"\x00\x01\x71\x1e\x21", 32, 2);
    push("link_cut_off", "LinkLength", b"\x00\x01\x71\x1e\x20", 31, 2);
    push("link_too_long", "LinkLength", b"\x00\x01\x71\x1e\x20", 33, 2);
    let pieces = Pieces::second().with(PREV, b"\xd8\x2a\x40");
    all.push(pieces.error("empty_link", "LinkLength", pieces.value_at(PREV) + 2));

    let pieces = Pieces::second().with(PREV, b"\xf6");
    all.push(pieces.error("second_slice_without_link", "MissingLink", pieces.value_at(PREV)));
    let pieces = Pieces::second().with(SEQ, b"\x00");
    all.push(pieces.error("first_slice_with_link", "GenesisLink", pieces.value_at(PREV)));
}

fn values(all: &mut Vec<Deviation>) {
    all.push(value("version_0", "UnsupportedVersion", V, b"\x00", 0));
    all.push(value("version_2", "UnsupportedVersion", V, b"\x02", 0));
    all.push(value("short_origin", "OriginLength", ORIGIN, &[&b"\x4f"[..], &[7; 15]].concat(), 0));
    all.push(value("long_origin", "OriginLength", ORIGIN, &[&b"\x51"[..], &[7; 17]].concat(), 0));
    all.push(value("tenant_not_utf8", "InvalidUtf8", TENANT, b"\x64ac\xff\x65", 3));
    all.push(value("surrogate_in_dimension", "InvalidUtf8", DIMENSION, b"\x63\xed\xa0\x80", 1));
    all.push(value("overlong_utf8", "InvalidUtf8", TENANT, b"\x62\xc0\xaf", 1));
    let label = rows(&[row(b"\x84\x61a\x61\x80\x61c\x61d", b"\x01")]);
    all.push(value("label_not_utf8", "InvalidUtf8", ROWS, &label, 6));
    let long = [b"\x79\x04\x01".to_vec(), vec![b'a'; 1025]].concat();
    all.push(value("long_tenant", "TextTooLong", TENANT, &long, 0));
    all.push(value("long_dimension", "TextTooLong", DIMENSION, &long, 0));
    let key = [b"\x84\x60\x60\x60", &long[..]].concat();
    all.push(value("long_label", "TextTooLong", ROWS, &rows(&[row(&key, b"\x01")]), 6));
    all.push(value("text_of_4_gib", "TextTooLong", TENANT, b"\x7b\0\0\0\x01\0\0\0\0", 0));
    all.push(value("end_is_start", "EmptyWindow", END, b"\x00", 0));
    let pieces = Pieces::genesis().with(START, b"\x1a\x00\x01\x00\x00");
    all.push(pieces.error("end_before_start", "EmptyWindow", pieces.value_at(END)));
}

fn row_rules(all: &mut Vec<Deviation>) {
    let mut push = |name: &str, error, content: &[Vec<u8>], delta: usize| {
        all.push(value(name, error, ROWS, &rows(content), delta));
    };
    let (a, b) = (row(&labels("/a"), b"\x01"), row(&labels("/b"), b"\x02"));
    let account = |namespace: &[u8], id: &[u8]| {
        let key = [b"\x82", namespace, &[0x40 | id.len() as u8], id].concat();
        row(&key, b"\x01")
    };
    let id = [9; 16];
    push("no_rows", "NoRows", &[], 0);
    push("unsorted_rows", "UnsortedRows", &[b.clone(), a.clone()], 1 + b.len());
    push("account_after_labels", "UnsortedRows", &[a.clone(), account(b"\x01", &id)], 1 + a.len());
    let longer = row(&labels("/aa"), b"\x01");
    push("rows_in_text_order", "UnsortedRows", &[longer.clone(), b.clone()], 1 + longer.len());
    let again = row(&labels("/a"), b"\x07");
    push("duplicate_row", "DuplicateRow", &[a.clone(), again], 1 + a.len());
    let nothing = row(&labels("/c"), b"\x00");
    push("zero_increment", "ZeroIncrement", &[a.clone(), nothing.clone()], a.len() + nothing.len());
    let lone = [b"\x81", &labels("/a")[..]].concat();
    push("row_of_one", "RowLength", &[lone], 1);
    let three = [b"\x83", &a[1..], b"\x01"].concat();
    push("row_of_three", "RowLength", &[three], 1);
    push("empty_key", "KeyLength", &[row(b"\x80", b"\x01")], 2);
    push("key_of_three", "KeyLength", &[row(b"\x83\x61a\x61b\x61c", b"\x01")], 2);
    push("key_of_five", "KeyLength", &[row(b"\x85\x61a\x61b\x61c\x61d\x61e", b"\x01")], 2);
    push("namespace_of_33_bits", "NamespaceTooLarge", &[account(b"\x1b\0\0\0\x01\0\0\0\0", &id)], 3);
    push("short_account_id", "AccountIdLength", &[account(b"\x01", &id[..15])], 4);
    push("long_account_id", "AccountIdLength", &[account(b"\x01", &[9; 17])], 4);
}

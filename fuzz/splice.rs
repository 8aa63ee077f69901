//! Changes a genuine document as an attacker does who has it and not the key: pieces of it are cut out,
//! moved, doubled and hidden in others, at the places where elements begin and end.

/// The document after the changes that a script of bytes says. Each takes four: what is done, two that say
/// where, and which piece, or how much. It ends with the script.
pub fn spliced(genuine: &str, pieces: &[String], script: &[u8]) -> String {
    let mut text = genuine.to_owned();
    for step in script.chunks_exact(4).take(STEPS_MAX) {
        let (does, from, to, which) = (step[0], step[1], step[2], usize::from(step[3]));
        let marks = marks(&text);
        let at = |it: u8| marks[usize::from(it) * marks.len() / 256];
        let (from, to) = (at(from).min(at(to)), at(from).max(at(to)));
        let piece = &pieces[which % pieces.len()];
        let range = text[from..to].to_owned();
        match does % 8 {
            0 => text.insert_str(from, piece),
            1 => text.replace_range(from..to, piece),
            2 => text.replace_range(from..to, ""),
            3 => text.insert_str(to, &range),
            4 => text.insert_str(from, &range),
            5 => {
                let other = at(step[3]);
                text.insert_str(other, &range);
            }
            6 => text = text.replacen(piece.as_str(), "", 1),
            _ => {
                let other = &pieces[(which / pieces.len()) % pieces.len()];
                text = text.replacen(piece.as_str(), other, 1);
            }
        }
        if text.len() > BYTES_MAX || text.is_empty() {
            return genuine.to_owned();
        }
    }
    text
}

/// Where elements, tags, names and values begin and end.
fn marks(text: &str) -> Vec<usize> {
    let boundary = |it: char| "<>\" =/:@".contains(it);
    let around =
        text.char_indices().filter(|(_, it)| boundary(*it)).flat_map(|(at, _)| [at, at + 1]);
    let mut marks: Vec<usize> = std::iter::once(0).chain(around).chain([text.len()]).collect();
    marks.dedup();
    marks
}

const STEPS_MAX: usize = 12;
const BYTES_MAX: usize = 64 * 1024;

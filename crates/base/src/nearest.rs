//! Which name was meant by one that is not there.

/// How many letters must be changed, added, left out or exchanged to make one name of the other, whatever their case.
pub fn distance(a: &str, b: &str) -> usize {
    strsim::osa_distance(&a.to_lowercase(), &b.to_lowercase())
}

/// The known name that differs from another in few letters only.
pub fn nearest<'a>(known: &[&'a str], found: &str) -> Option<&'a str> {
    let letters = found.chars().count();
    let few = (letters / 3).max(1);
    let nearest = known.iter().copied().min_by_key(|name| distance(name, found))?;
    (distance(nearest, found) <= few && distance(nearest, found) < letters).then_some(nearest)
}

-- Which grants permit something else since a moment: the page of a campaign asks it.
CREATE INDEX grant_steps_of_terms ON grant_steps (at, grant_id)
    WHERE change IN ('narrowed', 'widened', 'renewed');
